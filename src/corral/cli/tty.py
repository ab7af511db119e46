"""The terminal that the command was typed on: raw mode that always ends, its size, detach keys."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

from corral.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q"
DETACHED = "read escape sequence"
_FATAL = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


@contextlib.contextmanager
def raw_terminal(fd: int) -> Iterator[None]:
    """Raw mode for the block. Exceptions and signals that end this program also give the terminal back as it was."""
    from corral.linux.tty import restore, set_raw

    before = set_raw(fd)

    def end(number: int, _frame: FrameType | None) -> None:
        restore(fd, before)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    # A signal that is proxied or ignored already has its handler: it will not end this program.
    old = {number: signal.signal(number, end) for number in _FATAL if _deadly(number)}
    try:
        yield
    finally:
        restore(fd, before)
        for number, handler in old.items():
            signal.signal(number, handler)


def _deadly(number: int) -> bool:
    return signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


def size_of(fd: int) -> tuple[int, int]:
    """``(height, width)``, zeros when ``fd`` is no terminal."""
    try:
        width, height = os.get_terminal_size(fd)
    except OSError:
        return 0, 0
    return height, width


@contextlib.contextmanager
def following_size(fd: int, resize: Callable[[int, int], None]) -> Iterator[None]:
    """Call ``resize(height, width)`` now and whenever the terminal changes its size."""

    def tell(_number: int = 0, _frame: FrameType | None = None) -> None:
        height, width = size_of(fd)
        if height or width:
            resize(height, width)

    old = signal.signal(signal.SIGWINCH, tell)
    try:
        tell()
        yield
    finally:
        signal.signal(signal.SIGWINCH, old)


def check_input(*, stdin: bool, tty: bool) -> None:
    """Raises CliError when a terminal was asked for and standard input is none."""
    if stdin and tty and not os.isatty(0):
        raise CliError("the input device is not a TTY")


def detach_bytes(keys: str) -> bytes:
    """``ctrl-p,ctrl-q`` -> the bytes to look for. Raises ValueError."""
    found = bytearray()
    for key in keys.split(","):
        if len(key) == 1:
            found += key.encode()[:1]
            continue
        letter = key.removeprefix("ctrl-").lower()
        if not key.startswith("ctrl-") or len(letter) != 1 or letter not in "@abcdefghijklmnopqrstuvwxyz[\\]^_":
            raise ValueError(f"Unknown character: '{key}'")
        found.append("@abcdefghijklmnopqrstuvwxyz[\\]^_".index(letter))
    return bytes(found)


class DetachKeys:
    """Finds the sequence in what is typed; what might be its beginning is held back until the next key decides."""

    __slots__ = ("_held", "_keys")

    def __init__(self, keys: str) -> None:
        try:
            self._keys = detach_bytes(keys or DEFAULT_DETACH_KEYS)
        except ValueError:
            self._keys = detach_bytes(DEFAULT_DETACH_KEYS)
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """``(what to pass on, whether the sequence was typed)``."""
        text = self._held + data
        self._held = b""
        place = text.find(self._keys)
        if place >= 0:
            return text[:place], True
        for size in range(min(len(self._keys) - 1, len(text)), 0, -1):
            if text.endswith(self._keys[:size]):
                self._held = text[-size:]
                return text[:-size], False
        return text, False
