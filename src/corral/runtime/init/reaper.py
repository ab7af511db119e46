"""``--init``: process 1 is a small program that reaps orphans and forwards signals, the user's program is its child."""

from __future__ import annotations

import os
from typing import Final

from corral.linux import mount as m
from corral.linux.execve import execveat
from corral.linux.libc import MACHINE
from corral.runtime.init.failure import SetupError, described
from corral.runtime.init.reaper_program import program

__all__ = ["Reaper"]

_NAME: Final = "docker-init"
"""The process's name, as Docker's users know it."""


class Reaper:
    """Prepared while mounting is still allowed: its file is in a file system of its own that nothing else can reach."""

    __slots__ = ("_arguments", "_directory")

    def __init__(self, arguments: tuple[str, ...]) -> None:
        """``arguments``: the command line to show. Raises SetupError."""
        if program(0, MACHINE) is None:
            raise SetupError(f"--init: there is no built-in reaper for {MACHINE}; mount one and make it the entrypoint")
        self._arguments = arguments
        try:
            context = m.fsopen("tmpfs")
            m.fsconfig(context, m.FSCONFIG_SET_STRING, "mode", "777")
            m.fsconfig(context, m.FSCONFIG_CMD_CREATE)
            self._directory = m.fsmount(context, attr_flags=m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NODEV)
            os.close(context)
        except OSError as error:
            raise described("preparing --init", error) from error

    def fork(self) -> None:
        """Returns in the child, in a process group of its own that has the terminal, if there is one. The caller
        itself, with all signals blocked, becomes the reaper, and has become it when the child returns."""
        done, doing = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            os.close(doing)
            os.read(done, 1)
            os.close(done)
            os.setpgid(0, 0)
            if os.isatty(0):
                os.tcsetpgrp(0, os.getpgrp())
            return
        code = program(pid, MACHINE)
        assert code is not None
        # Written after the fork: a file that somebody has open for writing cannot be executed.
        file = os.open(_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o777, dir_fd=self._directory)
        os.fchmod(file, 0o755)
        os.write(file, code)
        os.close(file)
        execveat(self._directory, _NAME, self._arguments, ())
