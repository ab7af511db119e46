"""``-H``: what an address means, and the listening socket for it."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import grp
import os
import socket
import ssl
import stat
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from corral.errors import Conflict, Invalid, Unavailable

if TYPE_CHECKING:
    from corral.daemon.config import DaemonConfig

__all__ = ["Address", "Listener", "open_listeners", "parse_host", "remove_sockets", "tls_context"]

_PLAIN_PORT: Final = 2375
_TLS_PORT: Final = 2376
_BACKLOG: Final = 512
_FIRST_INHERITED: Final = 3
"""SD_LISTEN_FDS_START, sd_listen_fds(3)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """``kind`` is unix (``path``), tcp (``path`` the host, ``port``) or fd (``path`` "" for all, or a number)."""

    kind: str
    path: str
    port: int = 0

    @property
    def shown(self) -> str:
        if self.kind != "tcp":
            return f"{self.kind}://{self.path}"
        return f"tcp://[{self.path}]:{self.port}" if ":" in self.path else f"tcp://{self.path}:{self.port}"


@dataclasses.dataclass(frozen=True, slots=True)
class Listener:
    address: Address
    sock: socket.socket


def parse_host(text: str, tls: bool = False) -> Address:
    """ "unix:///run/x.sock", "tcp://host:port", "fd://", "fd://3"; a bare "host:port" is tcp. Raises Invalid."""
    kind, separator, rest = text.partition("://")
    if not separator:
        kind, rest = "tcp", text
    match kind:
        case "unix":
            if not rest.startswith("/"):
                raise Invalid(f"invalid bind address ({text}): the path of a unix socket must be absolute")
            return Address("unix", rest)
        case "fd":
            return Address("fd", rest.strip("*"))
        case "tcp":
            return _parse_tcp(text, rest, tls)
    raise Invalid(f"invalid bind address ({text}): unsupported proto '{kind}'")


def _parse_tcp(text: str, rest: str, tls: bool) -> Address:
    host, colon, port = rest.rstrip("/").rpartition(":")
    if not colon or port.endswith("]"):
        host, port = rest.rstrip("/"), ""
    number = int(port) if port.isascii() and port.isdigit() else 0 if port else _TLS_PORT if tls else _PLAIN_PORT
    if not 0 < number < 65536 or "/" in host:
        raise Invalid(f"invalid bind address ({text}): not host:port")
    return Address("tcp", host.strip("[]") or "127.0.0.1", number)


def open_listeners(config: DaemonConfig, environment: dict[str, str]) -> list[Listener]:
    """Binds and listens on every host, or on none. Raises Unavailable, Conflict."""
    tls = config.tls or config.tlsverify
    with contextlib.ExitStack() as undo:
        found: list[Listener] = []
        for host in config.hosts:
            address = parse_host(host, tls)
            for sock in _open(address, config.group, environment):
                undo.callback(sock.close)
                found.append(Listener(address, sock))
        undo.pop_all()
        return found


def _open(address: Address, group: str, environment: dict[str, str]) -> Iterator[socket.socket]:
    match address.kind:
        case "unix":
            yield _open_unix(address.path, group)
        case "tcp":
            yield from _open_tcp(address)
        case _:
            yield from _inherited(address, environment)


def _open_unix(path: str, group: str) -> socket.socket:
    """0660, owned by the group if there is one; a socket that nobody listens on any more is replaced."""
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        sock.bind(path)
        os.chown(path, 0 if os.geteuid() == 0 else -1, _group_id(group))
        os.chmod(path, 0o660)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise Unavailable(f"cannot listen on unix://{path}: {error.strerror or error}") from None
    finally:
        os.umask(before)
    return sock


def _group_id(name: str) -> int:
    """-1 (leave it) when there is no such group."""
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        return -1


def _remove_stale(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise Conflict(f"cannot listen on unix://{path}: there is a file that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            if error.errno not in (errno.ECONNREFUSED, errno.ENOENT):
                raise Unavailable(f"cannot listen on unix://{path}: {error.strerror}") from None
        else:
            raise Conflict(f"cannot listen on unix://{path}: another process listens there")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _open_tcp(address: Address) -> Iterator[socket.socket]:
    shown = address.shown
    try:
        places = socket.getaddrinfo(address.path, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Unavailable(f"cannot listen on {shown}: {error.strerror}") from None
    for family, kind, protocol, _, place in places:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(place)
            sock.listen(_BACKLOG)
        except OSError as error:
            sock.close()
            raise Unavailable(f"cannot listen on {shown}: {error.strerror}") from None
        yield sock


def _inherited(address: Address, environment: dict[str, str]) -> Iterator[socket.socket]:
    """Sockets passed by systemd: LISTEN_PID, LISTEN_FDS (sd_listen_fds(3))."""
    count = 0
    if environment.get("LISTEN_PID") == str(os.getpid()):
        text = environment.get("LISTEN_FDS", "0")
        count = int(text) if text.isdigit() else 0
    numbers: Sequence[int] = range(_FIRST_INHERITED, _FIRST_INHERITED + count)
    if address.path:
        numbers = [number for number in numbers if str(number) == address.path]
    if not numbers:
        raise Unavailable("no sockets found via socket activation: make sure the service was started by systemd")
    for number in numbers:
        sock = socket.socket(fileno=number)
        os.set_inheritable(number, False)
        yield sock


def remove_sockets(listeners: Sequence[Listener]) -> None:
    """The files of our unix sockets. Call it while they still listen, so that a successor's are never removed."""
    for listener in listeners:
        if listener.address.kind == "unix":
            with contextlib.suppress(OSError):
                os.unlink(listener.address.path)


def tls_context(config: DaemonConfig) -> ssl.SSLContext | None:
    """For tcp listeners; None without --tls or --tlsverify. Raises Invalid for unreadable certificates."""
    if not (config.tls or config.tlsverify):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(config.tlscert, config.tlskey)
    except (OSError, ssl.SSLError) as error:
        raise Invalid(
            f'invalid TLS configuration: could not load X509 key pair (cert: "{config.tlscert}", '
            f'key: "{config.tlskey}"): {error}'
        ) from None
    if config.tlsverify:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(config.tlscacert)
        except (OSError, ssl.SSLError) as error:
            raise Invalid(f'invalid TLS configuration: could not read CA "{config.tlscacert}": {error}') from None
    return context
