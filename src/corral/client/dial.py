"""From an address to a connected stream socket."""

from __future__ import annotations

import errno
import os
import socket

from corral.client.address import Address
from corral.client.errors import ConnectionFailed
from corral.client.stream import TlsStream
from corral.client.tls import TlsFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.stream import Stream

_ABSENT = (errno.ENOENT, errno.ECONNREFUSED)


def dial(address: Address, tls: TlsFiles | None = None) -> Stream:
    """A connected stream, blocking, without a timeout. Raises ConnectionFailed."""
    try:
        if address.scheme == "unix":
            return _unix(address.path)
        if address.scheme == "ssh":
            return _ssh(address)
        plain = socket.create_connection((address.host, address.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme == "tcp":
            return plain
        files = tls or TlsFiles(ca="", cert="", key="", verify=True)
        return TlsStream(plain, files.context(), address.host)
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


def _unix(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect("\0" + path[1:] if path.startswith("@") else path)
    except BaseException:
        sock.close()
        raise
    return sock


def _ssh(address: Address) -> socket.socket:
    """OpenSSH runs ``corral system dial-stdio`` over there, with one end of a socket pair as its standard streams."""
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
