"""From an address to a connected stream socket.

``_socket`` is the C half of ``socket``: the Python half makes enumerations of all constants and imports selectors, 4 ms
that each command would wait for. The rarer schemes import the whole.
"""

from __future__ import annotations

import _socket
import errno
import os

from corral.client.address import Address
from corral.client.errors import ConnectionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.stream import Stream
    from corral.client.tls import TlsFiles

_ABSENT = (errno.ENOENT, errno.ECONNREFUSED)


def dial(address: Address, tls: TlsFiles | None = None) -> Stream:
    """A connected stream, blocking, without a timeout. Raises ConnectionFailed."""
    try:
        if address.scheme == "unix":
            return _unix(address.path)
        if address.scheme == "ssh":
            return _ssh(address)
        return _tcp(address, tls)
    except PermissionError as error:
        raise ConnectionFailed(
            f"permission denied while trying to connect to the corral daemon socket at {address.text}: "
            f"{os.strerror(error.errno or errno.EACCES).lower()}"
        ) from error
    except OSError as error:
        message = f"Cannot connect to the corral daemon at {address.text}. Is the corral daemon running?"
        if error.errno not in _ABSENT:
            message = f"error during connect: {address.text}: {error.strerror or error}"
        raise ConnectionFailed(message, absent=error.errno in _ABSENT) from error


def _unix(path: str) -> Stream:
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        sock.connect("\0" + path[1:] if path.startswith("@") else path)
    except BaseException:
        sock.close()
        raise
    return sock


def _tcp(address: Address, tls: TlsFiles | None) -> Stream:
    import socket

    plain = socket.create_connection((address.host, address.port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address.scheme == "tcp":
        return plain
    from corral.client.tls import TlsFiles
    from corral.client.tlsstream import TlsStream

    files = tls or TlsFiles(ca="", cert="", key="", verify=True)
    return TlsStream(plain, files.context(), address.host)


def _ssh(address: Address) -> Stream:
    """OpenSSH runs ``corral system dial-stdio`` over there, with one end of a socket pair as its standard streams."""
    import socket
    import subprocess

    command = ["ssh", "-o", "ConnectTimeout=30", "-T"]
    if address.user:
        command += ["-l", address.user]
    if address.port:
        command += ["-p", str(address.port)]
    command += ["--", address.host, "corral"]
    if address.path:
        command += ["-H", f"unix://{address.path}"]
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen(
            [*command, "system", "dial-stdio"], stdin=theirs.fileno(), stdout=theirs.fileno(), start_new_session=True
        )
    return ours
