"""Moving output from a pipe into a log exactly once, although the mover may be killed between any two instructions.

The problem: reading consumes bytes, writing the log stores them, and SIGKILL may fall between; whatever order is
chosen, the bytes are lost or they are written twice. No system call does both, so a third place is needed, one that
survives the process and from which one can tell how far it got. That is the spool: one file of the exec root::

    [ header: owner, time, length of its log, what waited for a line feed | 20 KiB ][ chunk ... ]

For each chunk of output, in this order:

1. The header is written: whose output comes next, the time that its entries will have, how long its log is, what its
   unfinished line is.
2. ``splice(2)`` moves bytes from the pipe to the end of the spool. The kernel takes out of the pipe what it has
   written to the file, exactly, and is not interrupted in between: a byte is in one of the two at every instant, and
   in no more than one.
3. The chunk is read back, made into entries and appended to the log; the new unfinished line is written to its file.
4. The spool is truncated to the header. That is the commitment: one system call, done or not done.

After a death the next supervisor looks at the length of the spool. Only a header: the chunk is committed, or none had
been moved; the log is right as it is. More: the log may have got none, some or all of the entries (a killed write(2)
can be short). The unfinished line is put back and the same entries are made again, byte for byte, for header and
chunk determine them; as many of their bytes as the log has beyond the length in the header are there already, the
rest is appended. (Nothing is taken back, so that who follows the log never sees it shrink.) A death during that
changes nothing, for the spool stays as it is until step 4. Step 1 may be torn, but then nothing was moved. All of
this holds for files in the page cache, which dies only with the machine, as does the container.

A terminal's master is not a pipe: it is spliced into a pipe that the keeper holds as well (``staging``), and from
there into the spool. What a death leaves in the staging pipe belongs behind the chunk, for nobody else writes to it.

An unterminated last line becomes an entry when the stream ends. That takes no bytes out of a pipe, but is committed
the same way; the chunk is then one byte that only says so.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from dataclasses import dataclass
from typing import Final

from corral.linux.pipe import SPLICE_F_NONBLOCK
from corral.runtime.supervisor.entries import LIMIT

_START: Final = 20 * 1024
"""Where the chunk begins."""
_HEADER: Final = struct.Struct("=?QQHH")  # flush, time, length of the log, lengths of owner and rest, which follow
_TERMINAL_CHUNK: Final = 8 * 1024
"""More than a terminal ever has at once; the kernel allocates pages for as much as is asked for."""

assert _HEADER.size + 256 + LIMIT <= _START


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a predecessor did not commit.

    ``owner`` as given to ``begin``; ``flush``: an end, ``chunk`` means nothing.
    """

    owner: str
    at: int
    log_size: int
    rest: bytes
    flush: bool
    chunk: bytes


class Spool:
    """One chunk at a time: ``begin``, one of the ``take``, ``commit``. All may raise OSError."""

    def __init__(self, fd: int, staging: tuple[int, int]) -> None:
        """``fd``: the spool's file, open for reading and writing; ``staging``: a pipe.

        Both are kept by the caller.
        """
        self._fd = fd
        self._staging_read, self._staging_write = staging

    def begin(self, owner: str, at: int, log_size: int, rest: bytes, *, flush: bool = False) -> None:
        name = owner.encode()
        os.pwrite(self._fd, _HEADER.pack(flush, at, log_size, len(name), len(rest)) + name + rest, 0)
        if flush:
            os.pwrite(self._fd, b"\n", _START)

    def take(self, pipe: int, limit: int) -> bytes:
        """Up to ``limit`` bytes; b"" when every writer has closed.

        Raises BlockingIOError when there is nothing yet.
        """
        size = os.splice(pipe, self._fd, limit, offset_dst=_START, flags=SPLICE_F_NONBLOCK)
        return os.pread(self._fd, size, _START) if size else b""

    def take_terminal(self, master: int) -> bytes:
        """The same from the master of a terminal. Raises OSError, EIO, when nobody has its other side open."""
        size = os.splice(master, self._staging_write, _TERMINAL_CHUNK, flags=SPLICE_F_NONBLOCK)
        return self._unstage(_START) if size else b""

    def commit(self) -> None:
        os.ftruncate(self._fd, _START)

    def recover(self) -> Unfinished | None:
        """What is not committed; None when there is nothing.

        The spool is then ready for ``begin``, or for ``commit``.
        """
        size = os.fstat(self._fd).st_size
        staged = struct.unpack("i", fcntl.ioctl(self._staging_read, termios.FIONREAD, bytes(4)))[0]
        if size <= _START and not staged:
            self.commit()
            return None
        header = os.pread(self._fd, _START, 0)
        flush, at, log_size, name_length, rest_length = _HEADER.unpack_from(header)
        chunk = os.pread(self._fd, max(0, size - _START), _START)
        if staged:
            chunk += self._unstage(max(size, _START))
        name_end = _HEADER.size + name_length
        rest = header[name_end : name_end + rest_length]
        return Unfinished(header[_HEADER.size : name_end].decode(), at, log_size, rest, flush, chunk)

    def _unstage(self, offset: int) -> bytes:
        """Everything in the staging pipe, through the spool at ``offset``."""
        end = offset
        while True:
            try:
                end += os.splice(self._staging_read, self._fd, 1 << 20, offset_dst=end, flags=SPLICE_F_NONBLOCK)
            except BlockingIOError:
                return os.pread(self._fd, end - offset, offset)
