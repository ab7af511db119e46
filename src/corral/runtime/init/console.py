"""The process's terminal: a pty of the container's own devpts instance, so that it has a name there."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from corral.linux import tty
from corral.oci.runtime import ConsoleSize
from corral.runtime.init.failure import SetupError, described
from corral.runtime.init.inside import Root
from corral.runtime.init.messages import Sync
from corral.runtime.init.tree import attach, clone_tree

__all__ = ["Console", "open_console"]

_PTMX: Final = "dev/pts/ptmx"
_PTMX_DEVICE: Final = os.makedev(5, 2)


class Console:
    """``slave``: the process's end. The master has been given away."""

    __slots__ = ("slave",)

    def __init__(self, slave: int) -> None:
        self.slave = slave

    def bind(self, root: Root) -> None:
        """Show it as /dev/console. Before the root changes."""
        try:
            target = root.ensure("dev/console", directory=False, mode=0o666)
            tree = clone_tree(self.slave, "", recursive=False)
            attach(tree, target)
            os.close(tree)
            os.close(target)
        except OSError as error:
            raise described("error setting up console: mount on /dev/console", error) from error

    def adopt(self, *, controlling: bool = True) -> None:
        """Make it the standard streams, and the controlling terminal, of the calling session leader."""
        if controlling:
            tty.set_controlling_terminal(self.slave)
        for target in range(3):
            os.dup2(self.slave, target)
        os.close(self.slave)


def open_console(root: Root, size: ConsoleSize | None, owner: int, sync: Sync) -> Console:
    """Open a pty, set its size before anybody can ask for it, and send the master away. Raises SetupError.

    The slave is opened through the master, not by a name that the container could have replaced.
    """
    try:
        # O_PATH first: opening has effects when the container has put something else there.
        ptmx = root.open(_PTMX)
        status = os.fstat(ptmx)
        if not stat.S_ISCHR(status.st_mode) or status.st_rdev != _PTMX_DEVICE:
            raise SetupError("error setting up console: /dev/pts/ptmx is not a pseudo-terminal multiplexer")
        os.close(ptmx)
        master = root.open(_PTMX, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        status = os.fstat(master)
        if not stat.S_ISCHR(status.st_mode) or status.st_rdev != _PTMX_DEVICE:
            raise SetupError("error setting up console: /dev/pts/ptmx was replaced")
        os.set_blocking(master, True)
        tty.unlock(master)
        slave = tty.open_peer(master)
        if size is not None and (size.height or size.width):
            tty.set_winsize(master, size.height, size.width)
        _give(slave, owner)
        sync.console(master)
        os.close(master)
    except OSError as error:
        raise described("error setting up console", error) from error
    return Console(slave)


def _give(slave: int, owner: int) -> None:
    """The group stays what devpts says (tty)."""
    if os.fstat(slave).st_uid != owner:
        try:
            os.fchown(slave, owner, -1)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EINVAL, errno.EROFS):
                raise
