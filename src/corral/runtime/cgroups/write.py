"""Writes to control files: described by the controllers' pure functions, carried out by one short loop."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["Write", "apply", "read_text", "write_text"]

_FOR_SHOW: Final = (errno.EOPNOTSUPP, 524)
"""What a file says that has lost its feature: 524 is the kernel's own ENOTSUPP, which leaks (memory.kmem.limit...)."""


@dataclass(frozen=True, slots=True)
class Write:
    """``value`` into ``file``, a name inside the container's directory of one controller.

    When the file is not there, or is one that the kernel keeps for show only, ``otherwise`` is done instead; when that
    is None too, ``warning`` is reported, or nothing if it is empty: a kernel without a feature limits less, it does not
    stop containers from running. ``again``: an EINVAL is tried once more after the writes that follow (pairs of values
    that the kernel checks against each other). ``must``: a file that is not there is an error.
    """

    file: str
    value: str
    warning: str = ""
    otherwise: Write | None = None
    again: bool = False
    must: bool = False


def apply(directory: str, writes: Iterable[Write]) -> list[str]:
    """Carry out ``writes`` in order. Returns the warnings. Raises OSError with the path of the file that refused."""
    warnings: list[str] = []
    later: list[Write] = []
    with _Files(directory) as files:
        for write in writes:
            try:
                _apply_one(files, write, warnings)
            except OSError as error:
                if not (write.again and error.errno == errno.EINVAL):
                    raise
                later.append(write)
        for write in later:
            _apply_one(files, write, warnings)
    return warnings


def _apply_one(files: _Files, write: Write, warnings: list[str]) -> None:
    attempt: Write | None = write
    while attempt is not None:
        try:
            files.write(attempt.file, attempt.value)
            return
        except FileNotFoundError:
            if attempt.must:
                raise
            attempt = attempt.otherwise
        except OSError as error:
            if error.errno not in _FOR_SHOW or not write.warning:
                raise
            attempt = attempt.otherwise
    if write.warning and write.warning not in warnings:
        warnings.append(write.warning)


class _Files:
    """Keeps the file that was written last open: a dozen device rules go into the same one."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._name = ""
        self._fd = -1

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def write(self, name: str, text: str) -> None:
        path = f"{self._directory}/{name}"
        if name != self._name or self._fd < 0:
            self.__exit__()
            self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            self._name = name
        _write(self._fd, path, text)


def write_text(path: str, text: str) -> None:
    """One write(2), as control files want it; never creates the file. Raises OSError with path and text."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        _write(fd, path, text)
    finally:
        os.close(fd)


def _write(fd: int, path: str, text: str) -> None:
    try:
        os.pwrite(fd, text.encode(), 0)
    except OSError as error:
        raise OSError(error.errno, f"write {text!r}: {error.strerror}", path) from None


def read_text(path: str) -> str:
    """The whole of a control file. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(fd, 1 << 16)
        while len(text) % 4096 == 0 and (more := os.read(fd, 1 << 16)):
            text += more
    except OSError as error:
        raise OSError(error.errno, f"read: {error.strerror}", path) from None
    finally:
        os.close(fd)
    return text.decode()
