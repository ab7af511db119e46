"""``bootstrap debian:SUITE``: a minimal Debian, made by mmdebstrap from the machine's own apt sources.

The tar goes from mmdebstrap straight into the new layer. The image gets what a Debian image for containers needs:
services that are installed do not start, package archives are not kept, dpkg does not sync every file. Its apt sources
are the ones it was made from, so that ``apt-get install`` works in a container wherever it works on the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from corral.errors import CorralError, Internal, Invalid
from corral.image import progress
from corral.image.bootstrap import sources
from corral.image.bootstrap.tools import Tool, running
from corral.image.importing import ImportRequest, import_image
from corral.image.record import Image
from corral.image.store import ImageStore
from corral.oci.image import ContainerConfig

PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MMDEBSTRAP: Final = Tool("mmdebstrap", "mmdebstrap")
_SUITE: Final = re.compile(r"[a-z][a-z0-9.-]*")
_NOTICE: Final = re.compile(r"I: (.*)")
_PHASES: Final = (
    "running apt-get update",
    "downloading packages",
    "extracting archives",
    "installing essential packages",
    "installing remaining packages",
    "cleaning package lists",
    "creating tarball",
    "done",
)
_SETTINGS: Final = ("Acquire::Check-Valid-Until", "Acquire::Check-Date")
_POLICY: Final = ("usr/sbin/policy-rc.d", "0755", "#!/bin/sh", "exit 101")
_FILES: Final = {
    "etc/dpkg/dpkg.cfg.d/container": ("0644", "force-unsafe-io"),
    "etc/apt/apt.conf.d/container": (
        "0644",
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };',
        'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";',
        'Acquire::Languages "none";',
        'Acquire::GzipIndexes "true";',
        'Apt::AutoRemove::SuggestsImportant "false";',
    ),
}
_UNWANTED: Final = ("etc/hostname", "etc/resolv.conf", "var/log/lastlog", "var/log/faillog")
_CACHES: Final = "var/cache/apt/*.bin"


async def bootstrap(images: ImageStore, suite: str, report: progress.Report) -> Image:
    """Raises Invalid for an impossible suite, Unavailable without mmdebstrap, Internal when it fails."""
    if not _SUITE.fullmatch(suite):
        raise Invalid(f'cannot bootstrap "debian:{suite}": {suite!r} is no suite')
    program = MMDEBSTRAP.find()
    chosen = sources.choose(machine_sources(), suite)
    settings = await asyncio.to_thread(apt_settings)
    arguments = command(program, suite, chosen, settings)
    name = f"debian:{suite}"
    problems: list[str] = []

    def heard(line: str) -> None:
        if match := _NOTICE.fullmatch(line):
            with contextlib.suppress(StopIteration):
                at = next(index for index, phase in enumerate(_PHASES) if match[1].startswith(phase))
                report(progress.phase(name, match[1].rstrip("."), at + 1, len(_PHASES)))
        elif line.startswith(("E: ", "Err:", "W: ", "E:")):
            problems.append(line)

    receiving, sending = os.pipe()
    try:
        try:
            async with running(arguments, stdout=sending, heard=heard) as status:
                os.close(sending)
                sending = -1
                request = ImportRequest(
                    repo="debian",
                    tag=suite,
                    config=ContainerConfig(env=[PATH], cmd=["bash"]),
                    created_by=f"corral image bootstrap {name}",
                )
                image, _ = await import_image(images, request, receiving, confirm=_Confirm(status, problems))
        except CorralError as error:
            if not problems:
                raise
            raise Internal(_failure(name, problems)) from error
    finally:
        os.close(receiving)
        if sending >= 0:
            os.close(sending)
    return image


class _Confirm:
    """Asked once the tar has ended: it counts only if mmdebstrap says that it was all."""

    def __init__(self, status: asyncio.Task[int], problems: list[str]) -> None:
        self._status = status
        self._problems = problems

    async def __call__(self) -> None:
        if await self._status:
            raise Internal(_failure("debian", self._problems))


def _failure(name: str, problems: list[str]) -> str:
    errors = [problem for problem in problems if not problem.startswith("W:")] or problems
    return f"cannot bootstrap {name}: mmdebstrap failed: {'; '.join(errors[:4]) or 'without saying why'}"


def command(program: str, suite: str, chosen: list[sources.Source], settings: list[str]) -> list[str]:
    """mmdebstrap's command line."""
    return [
        program,
        "--variant=minbase",
        "--include=ca-certificates",
        *(f"--aptopt={setting}" for setting in settings),
        # mmdebstrap has such a file as well, but takes it away in the end: ours is there from the first package on.
        "--skip=chroot/policy-rc.d",
        f"--extract-hook={_written(*_POLICY)}",
        *(f"--customize-hook={hook}" for hook in _hooks()),
        suite,
        "-",
        *(source.line for source in chosen),
    ]


def _hooks() -> Iterator[str]:
    """Shell commands that finish the tree; ``$1`` is its root."""
    for path, (mode, *lines) in _FILES.items():
        yield _written(path, mode, *lines)
    yield "rm -f " + " ".join(f'"$1/{path}"' for path in _UNWANTED) + f' "$1"/{_CACHES}'


def _written(path: str, mode: str, *lines: str) -> str:
    """A shell command that writes a file below ``$1``."""
    quoted = " ".join("'" + line.replace("'", "'\\''") + "'" for line in lines)
    return f'printf \'%s\\n\' {quoted} > "$1/{path}" && chmod {mode} "$1/{path}"'


def machine_sources(root: Path = Path("/etc/apt")) -> list[sources.Source]:
    """All that apt on this machine is configured to use."""
    files = [root / "sources.list", *sorted((root / "sources.list.d").glob("*.list"))]
    files += sorted((root / "sources.list.d").glob("*.sources"))
    found: list[sources.Source] = []
    for path in files:
        with contextlib.suppress(OSError):
            found += sources.parse(path.read_text(errors="replace"))
    return found


def apt_settings() -> list[str]:
    """Settings of the machine's apt without which its archives could not be used: those of a frozen mirror."""
    try:
        dump = subprocess.run(["apt-config", "dump", *_SETTINGS], capture_output=True, text=True, check=False).stdout
    except OSError:
        return []
    lines = (line.strip().rstrip(";") for line in dump.splitlines())
    return sorted({line for line in lines if line.partition(" ")[0] in _SETTINGS and '"false"' in line})


def machine_suite(os_release: str) -> str:
    """The suite of this machine, from the text of os-release(5); "stable" when it is no Debian."""
    fields = dict(line.partition("=")[::2] for line in os_release.splitlines())
    if fields.get("ID", "").strip('"') != "debian":
        return "stable"
    return fields.get("VERSION_CODENAME", "").strip('"') or "stable"
