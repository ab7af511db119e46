"""What few processes want, put together before the clone, so that all others pay with one comparison. The modules that
do it are imported then: a child cannot."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from corral.linux.fd import CLOSE_RANGE_CLOEXEC, close_range
from corral.oci.runtime import Linux, Process

__all__ = ["Manner", "like_the_first", "manner_of"]

_ABOVE_STDIO: Final = 3


@dataclass(frozen=True, slots=True)
class Manner:
    """``extra``: so many descriptors from 3 on are the program's, the first ``listen`` of them by sd_listen_fds(3);
    ``last_step``: to be done when all is given up."""

    process: Process
    linux: Linux
    extra: int = 0
    listen: int = 0
    last_step: Callable[[], None] | None = None

    def before_cgroup(self) -> None:
        """Of an exec. Raises SetupError."""
        affinity = self.process.exec_cpu_affinity
        if affinity is not None and affinity.initial:
            from corral.runtime.init import scheduling

            scheduling.set_affinity(affinity.initial)

    def in_cgroup(self) -> None:
        """Of an exec. Raises SetupError."""
        affinity = self.process.exec_cpu_affinity
        if affinity is not None and affinity.final:
            from corral.runtime.init import scheduling

            scheduling.set_affinity(affinity.final)

    def settle(self) -> None:
        """With all powers, in the cgroup. Raises SetupError."""
        from corral.runtime.init import scheduling

        if self.process.scheduler is not None:
            scheduling.set_scheduler(self.process.scheduler)
        if self.process.io_priority is not None:
            scheduling.set_io_priority(self.process.io_priority)
        if self.linux.memory_policy is not None:
            scheduling.set_memory_policy(self.linux.memory_policy)
        if self.linux.personality is not None:
            scheduling.set_personality(self.linux.personality)

    def hand_on(self, env: dict[str, str]) -> None:
        """In the process that is to be the program: its descriptors go through the execve, and are announced."""
        for fd in range(_ABOVE_STDIO, _ABOVE_STDIO + self.extra):
            os.set_inheritable(fd, True)
        if self.listen:
            env["LISTEN_FDS"] = str(self.listen)
            env["LISTEN_PID"] = str(os.getpid())

    def close_others(self) -> None:
        """Nothing else above the standard streams goes through the execve."""
        close_range(_ABOVE_STDIO + self.extra, flags=CLOSE_RANGE_CLOEXEC)


def like_the_first(process: Process, first: Process) -> Process:
    """An exec gets what the configuration says of its container's processes unless it says otherwise itself."""
    if first.scheduler is None and first.io_priority is None and first.exec_cpu_affinity is None:
        return process
    return replace(
        process,
        scheduler=process.scheduler or first.scheduler,
        io_priority=process.io_priority or first.io_priority,
        exec_cpu_affinity=process.exec_cpu_affinity or first.exec_cpu_affinity,
    )


def manner_of(
    process: Process,
    linux: Linux,
    *,
    extra: int = 0,
    listen: int = 0,
    last_step: Callable[[], None] | None = None,
) -> Manner | None:
    """None when there is nothing unusual."""
    if (
        process.scheduler is None
        and process.io_priority is None
        and process.exec_cpu_affinity is None
        and linux.memory_policy is None
        and linux.personality is None
        and not extra
        and last_step is None
    ):
        return None
    from corral.runtime.init import scheduling  # noqa: F401 -- so that the child finds it

    return Manner(process, linux, extra, listen, last_step)
