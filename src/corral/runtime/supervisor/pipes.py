"""The pipes of a process: FIFOs in the bundle for a container, anonymous ones for an exec.

A container has its ends of stdout and stderr open for reading as well, so that it is never told that nobody reads,
even when all who hold the other end are killed at once; whoever comes next opens the FIFO by its path. Standard input
cannot be like that, or it would never end.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Final

from corral.linux.pipe import set_pipe_size
from corral.runtime.init.spawn import ProcessFds
from corral.runtime.supervisor.process import Process
from corral.runtime.supervisor.records import remove_file

_CAPACITY: Final = 128 * 1024
_MODE: Final = 0o600
_FIFOS: Final = ("stdin", "stdout", "stderr")


AddOutput = Callable[[int, int], None]
"""Called with the number of a stream and our end of it."""


def open_fifos(process: Process, bundle: str, theirs: ExitStack, add: AddOutput | None = None) -> ProcessFds:
    """Make the container's FIFOs and give our ends to ``process``; the other ones are closed by ``theirs``.

    ``add``: who gets our ends of the outputs instead. Raises OSError.
    """
    add = add or process.add_output
    if process.stdio.terminal:
        return ProcessFds()
    for name in _FIFOS if process.stdio.open_stdin else _FIFOS[1:]:
        _make_fifo(f"{bundle}/{name}")
    for stream, name in enumerate(_FIFOS[1:], 1):
        add(stream, open_reader(bundle, name))
    stdin = _open(f"{bundle}/stdin", os.O_RDONLY | os.O_NONBLOCK, theirs) if process.stdio.open_stdin else None
    if stdin is None:
        stdin = _open("/dev/null", os.O_RDONLY, theirs)
    else:
        os.set_blocking(stdin, True)
        process.add_stdin(_open_writer(bundle))
    outputs = [_open(f"{bundle}/{name}", os.O_RDWR, theirs) for name in _FIFOS[1:]]
    return ProcessFds(stdin, *outputs)


def open_reader(bundle: str, name: str) -> int:
    """Our end of stdout or stderr. Raises OSError."""
    fd = os.open(f"{bundle}/{name}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with suppress(OSError):  # more than fs.pipe-max-size, or than this user may have
        set_pipe_size(fd, _CAPACITY)
    return fd


def open_writer(bundle: str) -> int | None:
    """Our end of stdin; None when it is closed for good, or nobody has the other end open."""
    try:
        return _open_writer(bundle)
    except OSError:
        return None


def _open_writer(bundle: str) -> int:
    return os.open(f"{bundle}/stdin", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def _make_fifo(path: str) -> None:
    try:
        os.mkfifo(path, _MODE)
    except FileExistsError:  # of a creation that was cut short
        remove_file(path)
        os.mkfifo(path, _MODE)


def open_pipes(process: Process, theirs: ExitStack, add: AddOutput | None = None) -> ProcessFds:
    """The pipes of an exec; as ``open_fifos``."""
    if process.stdio.terminal:
        return ProcessFds()
    add = add or process.add_output
    outputs = [_pipe(partial(add, stream), 0, theirs) for stream in (1, 2)]
    if process.stdio.open_stdin:
        stdin = _pipe(process.add_stdin, 1, theirs)
    else:
        stdin = _open("/dev/null", os.O_RDONLY, theirs)
    return ProcessFds(stdin, *outputs)


def _pipe(ours: Callable[[int], None], side: int, theirs: ExitStack) -> int:
    """Hand one side (0: that is read) of a new pipe to ``ours`` and return the other one."""
    pair = os.pipe2(os.O_CLOEXEC)
    theirs.callback(os.close, pair[1 - side])
    try:
        os.set_blocking(pair[side], False)
    except OSError:
        os.close(pair[side])
        raise
    ours(pair[side])
    return pair[1 - side]


def _open(path: str, flags: int, theirs: ExitStack) -> int:
    fd = os.open(path, flags | os.O_CLOEXEC)
    theirs.callback(os.close, fd)
    return fd
