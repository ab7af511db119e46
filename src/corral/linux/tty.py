"""tty_ioctl(4) and pts(4): pseudo-terminals of a devpts instance, window sizes, controlling terminals, raw mode."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from typing import Final

TIOCSPTLCK: Final = 0x40045431
TIOCGPTN: Final = 0x80045430
TIOCGPTPEER: Final = 0x5441
_WINSIZE: Final = struct.Struct("HHHH")

Attributes = list[int | list[bytes | int]]


def open_ptmx(path: str = "/dev/ptmx", *, dir_fd: int | None = None) -> int:
    """A new, unlocked master, close-on-exec, not the caller's controlling terminal. Raises OSError."""
    master = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        unlock(master)
    except OSError:
        os.close(master)
        raise
    return master


def unlock(master: int) -> None:
    """Let the slave be opened. Raises OSError."""
    fcntl.ioctl(master, TIOCSPTLCK, struct.pack("i", 0))


def pts_number(master: int) -> int:
    """The N of /dev/pts/N in the instance that ``master`` belongs to. Raises OSError."""
    number: int = struct.unpack("I", fcntl.ioctl(master, TIOCGPTN, bytes(4)))[0]
    return number


def open_peer(master: int) -> int:
    """The slave of ``master``, without going through any path that a container could have replaced. Raises OSError."""
    return fcntl.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def set_winsize(fd: int, height: int, width: int) -> None:
    """Height and width in characters; the foreground process group gets SIGWINCH when they change. Raises OSError."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, _WINSIZE.pack(height & 0xFFFF, width & 0xFFFF, 0, 0))


def get_winsize(fd: int) -> tuple[int, int]:
    """``(height, width)`` in characters. Raises OSError."""
    height, width, _, _ = _WINSIZE.unpack(fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(_WINSIZE.size)))
    return height, width


def set_controlling_terminal(fd: int) -> None:
    """Make ``fd`` the terminal of the calling session leader. Raises OSError."""
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)


def set_raw(fd: int) -> Attributes:
    """Raw mode as cfmakeraw(3) has it; returns the attributes to hand to ``restore``. Raises termios.error."""
    before = termios.tcgetattr(fd)
    iflag, oflag, cflag, lflag, ispeed, ospeed, cc = termios.tcgetattr(fd)
    iflag &= ~(
        termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
        | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON
    )  # fmt: skip
    oflag &= ~termios.OPOST
    lflag &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    cflag = cflag & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    cc[termios.VMIN] = 1
    cc[termios.VTIME] = 0
    termios.tcsetattr(fd, termios.TCSADRAIN, [iflag, oflag, cflag, lflag, ispeed, ospeed, cc])
    return before


def restore(fd: int, attributes: Attributes) -> None:
    """Set the attributes that ``set_raw`` returned. Raises termios.error."""
    termios.tcsetattr(fd, termios.TCSADRAIN, attributes)
