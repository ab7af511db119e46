"""Archives for tests, made member by member, also such as no honest program makes."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from corral.archive.apply import Applier, Whiteouts
from corral.archive.reader import TarReader
from corral.archive.recipe import RecipeWriter
from corral.archive.stream import ByteStream

MAX_SPECIAL = 4 << 20


def tar(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of the given members, in their order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for member in members:
            info, content = member if isinstance(member, tuple) else (member, b"")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def file(name: str, content: bytes = b"", **attributes: object) -> tuple[tarfile.TarInfo, bytes]:
    return _with(tarfile.TarInfo(name), {"mtime": 1000, **attributes}), content


def directory(name: str, **attributes: object) -> tarfile.TarInfo:
    return _with(tarfile.TarInfo(name), {"type": tarfile.DIRTYPE, "mode": 0o755, **attributes})


def symlink(name: str, target: str) -> tarfile.TarInfo:
    return _with(tarfile.TarInfo(name), {"type": tarfile.SYMTYPE, "linkname": target})


def hardlink(name: str, target: str) -> tarfile.TarInfo:
    return _with(tarfile.TarInfo(name), {"type": tarfile.LNKTYPE, "linkname": target})


def device(name: str, major: int, minor: int) -> tarfile.TarInfo:
    return _with(tarfile.TarInfo(name), {"type": tarfile.CHRTYPE, "devmajor": major, "devminor": minor})


def fifo(name: str) -> tarfile.TarInfo:
    return _with(tarfile.TarInfo(name), {"type": tarfile.FIFOTYPE})


def _with(info: tarfile.TarInfo, attributes: dict[str, object]) -> tarfile.TarInfo:
    for name, value in attributes.items():
        setattr(info, name, value)
    return info


def unpack(
    content: bytes,
    root: Path,
    whiteouts: Whiteouts = Whiteouts.OVERLAY,
    *,
    recipe: Path | None = None,
    aside: Path | None = None,
    piece: int = 10_000,
    max_entries: int = 0,
    specials: bool = True,
) -> Applier:
    """Applies a tar in this process, handed over in pieces of an odd size."""
    root.mkdir(parents=True, exist_ok=True)
    pieces = iter([content[at : at + piece] for at in range(0, len(content), piece)])
    writer = RecipeWriter(str(recipe)) if recipe else None
    applier = Applier(
        bytes(root),
        whiteouts,
        max_entries,
        writer,
        bytes(aside) if aside else None,
        specials=specials,
    )
    applier.run(TarReader(ByteStream(pieces), MAX_SPECIAL))
    if writer is not None:
        writer.close()
    return applier
