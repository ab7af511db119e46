"""``bootstrap busybox``: the smallest useful image, one static program under many names."""

from __future__ import annotations

import asyncio
import os
import struct
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final

from corral.archive import header, writer
from corral.archive.entry import DIRECTORY, REGULAR, SYMLINK, Entry
from corral.errors import Unavailable
from corral.image import progress
from corral.image.bootstrap.tools import Tool, running
from corral.image.importing import ImportRequest, import_image
from corral.image.record import Image
from corral.image.store import ImageStore
from corral.oci.image import ContainerConfig

_PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PACKAGE: Final = "busybox-static"
_CANDIDATES: Final = ("/bin/busybox", "/usr/bin/busybox")
_PT_INTERP: Final = 3
_DIRECTORIES: Final = (
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/sbin", 0o755),
    ("var", 0o755),
    ("var/spool", 0o755),
    ("var/spool/mail", 0o755),
    ("var/www", 0o755),
)
_FILES: Final = (
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n"
        "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
        "bin:x:2:2:bin:/bin:/bin/false\n"
        "sys:x:3:3:sys:/dev:/bin/false\n"
        "sync:x:4:100:sync:/bin:/bin/sync\n"
        "mail:x:8:8:mail:/var/spool/mail:/bin/false\n"
        "www-data:x:33:33:www-data:/var/www:/bin/false\n"
        "operator:x:37:37:Operator:/var:/bin/false\n"
        "nobody:x:65534:65534:nobody:/home:/bin/false\n",
    ),
    (
        "etc/group",
        "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nwheel:x:10:root\nmail:x:8:\n"
        "utmp:x:43:\nwww-data:x:33:\nstaff:x:50:\nusers:x:100:\nnogroup:x:65534:\n",
    ),
    (
        "etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files dns\nnetworks: files dns\nservices: files\nprotocols: files\n",
    ),
)
_LINKS: Final = (("usr/bin/env", "../../bin/env"),)


async def bootstrap(images: ImageStore, report: progress.Report) -> Image:
    """Raises Unavailable when there is no static busybox and none can be fetched."""
    binary = await _binary(images.content.data.tmp, report)
    applets = await _applets(binary)
    report(progress.phase("busybox:latest", f"making a root of {len(applets)} commands", 2, 3))
    content = await asyncio.to_thread(Path(binary.path).read_bytes)
    binary.discard()
    request = ImportRequest(
        repo="busybox",
        tag="latest",
        config=ContainerConfig(env=[_PATH], cmd=["sh"]),
        created_by="corral image bootstrap busybox",
    )
    image, _ = await import_image(images, request, _pieces(build(content, applets, binary.mtime)))
    report(progress.phase("busybox:latest", "done", 3, 3))
    return image


class _Binary:
    """Where the program lies; ``directory`` is scratch that goes with it."""

    def __init__(self, path: str, directory: tempfile.TemporaryDirectory[str] | None = None) -> None:
        self.path = path
        self.mtime = int(os.stat(path).st_mtime)
        self._directory = directory

    def discard(self) -> None:
        if self._directory is not None:
            self._directory.cleanup()


async def _binary(scratch: Path, report: progress.Report) -> _Binary:
    for path in _CANDIDATES:
        if is_static(path):
            report(progress.phase("busybox:latest", f"using {path}", 1, 3))
            return _Binary(path)
    report(progress.phase("busybox:latest", f"downloading {_PACKAGE}", 1, 3))
    scratch.mkdir(parents=True, exist_ok=True)
    directory = tempfile.TemporaryDirectory(prefix="busybox-", dir=scratch)
    try:
        await _run([Tool("apt-get", "apt").find(), "download", _PACKAGE], directory.name)
        packages = list(Path(directory.name).glob("*.deb"))
        if not packages:
            raise Unavailable(f"{_PACKAGE} could not be downloaded; install it with: apt-get install {_PACKAGE}")
        await _run([Tool("dpkg-deb", "dpkg").find(), "-x", str(packages[0]), "."], directory.name)
        for path in _CANDIDATES:
            if is_static(directory.name + path):
                return _Binary(directory.name + path, directory)
        raise Unavailable(f"{_PACKAGE} has no static busybox")
    except BaseException:
        directory.cleanup()
        raise


async def _run(arguments: Sequence[str], directory: str) -> None:
    lines: list[str] = []
    async with running(arguments, heard=lines.append, directory=directory) as status:
        if await status:
            raise Unavailable(
                f"{_PACKAGE} could not be fetched ({'; '.join(lines[-3:])}); "
                f"install it with: apt-get install {_PACKAGE}"
            )


async def _applets(binary: _Binary) -> list[str]:
    """All commands that this busybox can be."""
    process = await asyncio.create_subprocess_exec(binary.path, "--list", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return sorted(set(output.decode().split()) - {"busybox"})


def is_static(path: str) -> bool:
    """Whether ``path`` is a 64-bit ELF program that needs no interpreter. Source: elf(5)."""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            if head[:5] != b"\x7fELF\x02":
                return False
            order = "<" if head[5] == 1 else ">"
            (offset,) = struct.unpack_from(order + "Q", head, 32)
            size, count = struct.unpack_from(order + "HH", head, 54)
            file.seek(offset)
            table = file.read(size * count)
    except (OSError, struct.error):
        return False
    kinds = [struct.unpack_from(order + "I", table, index * size)[0] for index in range(count)]
    return _PT_INTERP not in kinds


def build(binary: bytes, applets: Sequence[str], mtime: int) -> Iterator[bytes]:
    """The root file system as a tar: the same input gives the same bytes."""
    entries: list[tuple[Entry, bytes]] = [(Entry(b"./", DIRECTORY, mode=0o755), b"")]
    entries += [(Entry(name.encode() + b"/", DIRECTORY, mode=mode), b"") for name, mode in _DIRECTORIES]
    entries.append((Entry(b"bin/busybox", REGULAR, mode=0o755, size=len(binary)), binary))
    links = [(f"bin/{applet}", "busybox") for applet in applets]
    for name, target in (*links, *_LINKS):
        link = Entry(name.encode(), SYMLINK, mode=0o777)
        link.linkname = target.encode()
        entries.append((link, b""))
    for name, text in _FILES:
        content = text.encode()
        entries.append((Entry(name.encode(), REGULAR, mode=0o644, size=len(content)), content))
    for entry, content in entries:
        entry.mtime = mtime * 1_000_000_000
        yield writer.encode(entry) + content + bytes(header.padding(len(content)))
    yield writer.END


async def _pieces(source: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in source:
        yield piece
