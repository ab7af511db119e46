"""What was copied out, made of local files that are the caller's."""

from __future__ import annotations

import os
from collections.abc import Iterator

from corral.archive.apply import Applier, Whiteouts
from corral.archive.entry import HARDLINK, Entry
from corral.archive.reader import TarReader
from corral.archive.stream import ByteStream
from corral.cli.container.copypaths import Plan

_SPECIAL_MAXIMUM = 4 << 20


class _Renamed(TarReader):
    """Members under the names that they get."""

    def __init__(self, stream: ByteStream, plan: Plan) -> None:
        super().__init__(stream, _SPECIAL_MAXIMUM)
        self._plan = plan

    def next(self) -> Entry | None:
        entry = super().next()
        if entry is not None:
            entry.name = self._plan.rename(entry.name)
            if entry.kind == HARDLINK:
                entry.linkname = self._plan.rename(entry.linkname)
        return entry


def unpack(blocks: Iterator[bytes], plan: Plan) -> None:
    """Raises CorralError, OSError."""
    top = os.open(plan.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        applier = Applier(top, Whiteouts.KEEP, 0, strict=plan.directory.rstrip("/") or "/", own=True)
        applier.run(_Renamed(ByteStream(blocks), plan))
    finally:
        os.close(top)
