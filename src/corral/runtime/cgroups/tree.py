"""A group and the groups below it: listing processes, moving them, removing directories.

A container that may write to its control groups can nest groups of its own; everything here goes all the way down.
Directories are trusted to be on a cgroup file system, where there are no symbolic links and rmdir(2) does not ask
for the control files to be gone.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator

from corral.runtime.cgroups.write import read_text, write_text

__all__ = ["descendants", "members", "move_all", "remove"]

_PASSES = 20


def descendants(directory: str) -> Iterator[str]:
    """Every group below ``directory``, deepest first. Groups that vanish meanwhile are left out."""
    try:
        with os.scandir(directory) as entries:
            children = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for child in children:
        yield from descendants(child)
        yield child


def members(directory: str) -> list[int]:
    """Process ids, as this PID namespace has them, in the group and below it; sorted. Empty when it does not exist."""
    found = set(_own_members(directory))
    for child in descendants(directory):
        found.update(_own_members(child))
    found.discard(0)  # a process outside this PID namespace
    return sorted(found)


def _own_members(directory: str) -> list[int]:
    try:
        return [int(pid) for pid in read_text(f"{directory}/cgroup.procs").split()]
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return []
        # In a threaded version 2 group the processes are listed by the group above it only.
        if error.errno == errno.EOPNOTSUPP:
            return []
        raise


def move_all(source: str, destination: str) -> None:
    """Move the processes in and below ``source`` into ``destination``, a group of another hierarchy too.

    Repeats until a pass finds nobody new, for they may fork meanwhile. Raises OSError.
    """
    for _ in range(_PASSES):
        missing = set(members(source)) - set(_own_members(destination))
        if not missing:
            return
        for pid in missing:
            try:
                write_text(f"{destination}/cgroup.procs", str(pid))
            except OSError as error:
                if error.errno != errno.ESRCH:
                    raise


def remove(directory: str, patience: float) -> bool:
    """Remove the group and all below it. False when it was not there.

    EBUSY is tried again for up to ``patience`` seconds: a process that was just killed occupies its group until the
    kernel has taken it apart. Raises OSError.
    """
    deadline = time.monotonic() + patience
    pause = 0.0005
    while True:
        try:
            os.rmdir(directory)
            return True
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            for child in descendants(directory):
                _remove_quietly(child)
            if time.monotonic() >= deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 0.02)


def _remove_quietly(directory: str) -> None:
    try:
        os.rmdir(directory)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EBUSY):
            raise
