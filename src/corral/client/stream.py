"""What a connection to the daemon is made of: a socket, or TLS over one (``tlsstream``)."""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Stream(Protocol):
        """The part of ``socket.socket`` that a connection uses."""

        def fileno(self) -> int: ...
        def recv(self, size: int, /) -> bytes: ...
        def send(self, data: bytes, /) -> int: ...
        def sendall(self, data: bytes, /) -> None: ...
        def setblocking(self, flag: bool, /) -> None: ...
        def close(self) -> None: ...


_SHUT_WR = 1


def half_close(stream: Stream) -> None:
    """No more will be sent. Raises OSError, except when the peer is gone already."""
    goodbye = getattr(stream, "half_close", None)
    if goodbye is not None:
        goodbye()
        return
    shutdown = getattr(stream, "shutdown", None)
    assert shutdown is not None
    try:
        shutdown(_SHUT_WR)
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise


def has_more(stream: Stream) -> bool:
    """Something was received that poll(2) does not know of: TLS decrypts whole records."""
    more = getattr(stream, "has_more", None)
    return more is not None and more()
