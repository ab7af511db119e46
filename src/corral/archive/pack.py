"""Packing an archive out of small members that are given and layers that are made again from their recipes.

A plan is data: what `docker save` writes is decided in the image room, and carried out here in a worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from corral.archive import header, recipe, writer
from corral.archive.entry import DIRECTORY, REGULAR, Entry
from corral.errors import Internal

_PIECE: Final = 1 << 20


class Member(NamedTuple):
    """A file of the new archive, or a directory when ``name`` ends in a slash. ``mtime`` in seconds.

    Its content is ``text``, or the ``size`` bytes of the file ``path``, or with ``recipe`` a layer's tar of ``size``
    bytes (see `corral.archive.recipe`), whose ``digest`` is checked while it is written.
    """

    name: str
    text: str = ""
    mtime: int = 0
    recipe: str = ""
    root: str = ""
    aside: str = ""
    size: int = 0
    digest: str = ""
    path: str = ""


def pack(plan: Sequence[Member], write: Callable[[bytes], object]) -> None:
    """Raises Internal when a layer on disk is no longer what its digest says, OSError."""
    for member in plan:
        if member.name.endswith("/"):
            write(writer.encode(_entry(member, DIRECTORY, 0o755, 0)))
        elif member.recipe:
            write(writer.encode(_entry(member, REGULAR, 0o644, member.size)))
            _layer(member, write)
            write(bytes(header.padding(member.size)))
        elif member.path:
            write(writer.encode(_entry(member, REGULAR, 0o644, member.size)))
            _file(member, write)
            write(bytes(header.padding(member.size)))
        else:
            content = member.text.encode()
            write(writer.encode(_entry(member, REGULAR, 0o644, len(content))))
            write(content + bytes(header.padding(len(content))))
    write(writer.END)


def _entry(member: Member, kind: bytes, mode: int, size: int) -> Entry:
    entry = Entry(member.name.encode(), kind, mode=mode, size=size)
    entry.mtime = member.mtime * 1_000_000_000
    return entry


def _file(member: Member, write: Callable[[bytes], object]) -> None:
    left = member.size
    with open(member.path, "rb", buffering=0) as source:
        while left and (piece := source.read(min(left, _PIECE))):
            write(piece)
            left -= len(piece)
    if left:
        raise Internal(f"{member.path} is shorter than it was")


def _layer(member: Member, write: Callable[[bytes], object]) -> None:
    digest = hashlib.sha256()
    size = 0
    for piece in recipe.assemble(member.recipe, member.root, member.aside):
        digest.update(piece)
        size += len(piece)
        write(piece)
    if size != member.size or f"sha256:{digest.hexdigest()}" != member.digest:
        raise Internal(f"layer {member.digest} was changed on disk in {member.root}")
