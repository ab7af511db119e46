"""Archives on their way to the daemon: opened with docker's words for what is wrong, counted on a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator

from corral.cli.errors import CliError
from corral.client.http import file_blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.cli.bars import Bars


def open_archive(path: str) -> int:
    """A descriptor to read from. Raises CliError."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or '').lower()}") from None


class Upload:
    """The blocks of a file, with a bar on standard error while they are sent."""

    __slots__ = ("_bars", "_fd", "_label", "_wanted")

    def __init__(self, fd: int, label: str, *, bar: bool) -> None:
        self._fd = fd
        self._label = label
        self._wanted = bar and os.isatty(2)
        self._bars: Bars | None = None

    def __enter__(self) -> Upload:
        if self._wanted:
            try:
                from corral.cli.bars import Bars
            except ImportError:  # rich is missing: it is only a bar
                return self
            self._bars = Bars(2)
            self._bars.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.__exit__(None, None, None)
        if self._fd > 2:
            os.close(self._fd)

    def blocks(self) -> Iterator[bytes]:
        if self._bars is None:
            yield from file_blocks(self._fd)
            return
        total, sent = os.fstat(self._fd).st_size, 0
        for block in file_blocks(self._fd):
            yield block
            sent += len(block)
            self._bars.show({"id": self._label, "progressDetail": {"current": sent, "total": total}})
