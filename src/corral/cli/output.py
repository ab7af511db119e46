"""Standard output: text collected and written by few write(2) calls; a closed pipe ends the program as it ends cat."""

from __future__ import annotations

import os
import signal

_LIMIT = 1 << 15


class Output:
    """Buffered text on a descriptor. ``flush`` before anything else writes to it."""

    __slots__ = ("_parts", "_size", "fd")

    def __init__(self, fd: int = 1) -> None:
        self.fd = fd
        self._parts: list[str] = []
        self._size = 0

    def write(self, text: str) -> None:
        self._parts.append(text)
        self._size += len(text)
        if self._size > _LIMIT:
            self.flush()

    def line(self, text: str = "") -> None:
        self.write(text + "\n")

    def flush(self) -> None:
        if not self._parts:
            return
        data = "".join(self._parts).encode("utf-8", "surrogateescape")
        self._parts = []
        self._size = 0
        write_all(self.fd, data)

    def isatty(self) -> bool:
        return os.isatty(self.fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """write(2) until everything is written. A reader that is gone kills this process by SIGPIPE, like any filter.

    Raises OSError.
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            _wait_writable(fd)
        except BrokenPipeError:
            die_of_pipe()


def _wait_writable(fd: int) -> None:
    import select

    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll()


def die_of_pipe() -> None:
    """End by SIGPIPE: the shell knows how to show that, which is not at all."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def error_line(text: str) -> None:
    """One line on standard error, at once; a closed standard error is nobody's concern."""
    try:  # noqa: SIM105 - contextlib is not worth its import here
        os.write(2, (text + "\n").encode("utf-8", "surrogateescape"))
    except OSError:
        pass
