"""Processes in control groups, and looking into groups, for the tests of rooms below the engine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.cgroups.plan import directory_of


class Tenant:
    """A process in a group. It does what it is told by functions, until it is told to stop."""

    def __init__(self, cgroup: Cgroup, action: Callable[[], object]) -> None:
        joined_read, joined_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                for path in cgroup.procs_files(v2=True):
                    Path(path).write_text("0")
                os.write(joined_write, b"x")
                code = action()
                os._exit(code if isinstance(code, int) else 0)
            except BaseException as error:
                os.write(2, f"{error!r}\n".encode())
                os._exit(99)
        os.close(joined_write)
        os.read(joined_read, 1)
        os.close(joined_read)

    def wait(self) -> int:
        """Exit code, or -N for signal N."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def forever() -> None:
    while True:
        signal.pause()


def until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def directories(hierarchies: Hierarchies, path: str) -> list[str]:
    mounts = [*hierarchies.v1, *([hierarchies.v2] if hierarchies.v2 else [])]
    return [d for d in (directory_of(h, path) for h in mounts) if os.path.isdir(d)]


def contents(hierarchies: Hierarchies, controller: str, cgroup: Cgroup, v1: str, v2: str) -> str:
    place = hierarchies.of(controller)
    if place is None:
        pytest.skip(f"no {controller} controller")
    return Path(directory_of(place, cgroup.path), v1 if place.version == 1 else v2).read_text().strip()
