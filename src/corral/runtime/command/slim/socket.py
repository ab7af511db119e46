"""Stands in for ``socket``: Unix sockets with plain numbers, by the names that are used here."""

from __future__ import annotations

import _socket
from _socket import *  # noqa: F403

from corral.runtime.command.slim import standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class socket(_socket.socket):  # type: ignore[no-redef]  # noqa: N801
    """Like the standard one also usable as a context; blocking unless it is told otherwise."""

    __slots__ = ()

    def __enter__(self) -> socket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def accept(self) -> tuple[socket, Any]:
        fd, address = self._accept()  # type: ignore[attr-defined]
        return socket(self.family, self.type, self.proto, fileno=fd), address


def socketpair(  # type: ignore[no-redef]
    family: int, type: int = _socket.SOCK_STREAM, proto: int = 0
) -> tuple[socket, socket]:
    ours, theirs = _socket.socketpair(family, type, proto)
    return (
        socket(family, type, proto, fileno=ours.detach()),
        socket(family, type, proto, fileno=theirs.detach()),
    )


def send_fds(sock: socket, buffers: Iterable[bytes], fds: Iterable[int], flags: int = 0) -> int:
    words = b"".join(fd.to_bytes(4, "little") for fd in fds)
    return sock.sendmsg(buffers, [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, words)], flags)


__getattr__ = standard("socket")
