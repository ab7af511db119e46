"""Where the daemon is: ``unix:///run/corral.sock``, ``tcp://host:2375``, ``ssh://user@host``, in docker's notation."""

from __future__ import annotations

from corral.client.errors import BadAddress

DEFAULT_HOST = "unix:///run/corral.sock"
PORT = 2375
TLS_PORT = 2376


class Address:
    """A parsed host. ``scheme`` is unix, tcp, tls or ssh; ``path`` is the socket's path, or the prefix of every URL."""

    __slots__ = ("host", "path", "port", "scheme", "text", "user")

    def __init__(
        self, text: str, scheme: str, *, path: str = "", host: str = "", port: int = 0, user: str | None = None
    ) -> None:
        self.text = text
        self.scheme = scheme
        self.path = path
        self.host = host
        self.port = port
        self.user = user

    def __repr__(self) -> str:
        return f"Address({self.text!r})"


def parse_address(text: str, *, tls: bool = False) -> Address:
    """``text`` as given to -H; ``tls`` turns tcp into TLS and moves the default port. Raises BadAddress."""
    text = text.strip()
    if not text:
        return parse_address(DEFAULT_HOST)
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "tcp", text
    if scheme == "unix":
        return Address(f"unix://{rest or DEFAULT_HOST[7:]}", "unix", path=rest or DEFAULT_HOST[7:])
    if scheme in ("tcp", "http", "https"):
        secure = tls or scheme == "https"
        authority, slash, prefix = rest.partition("/")
        host, port = _host_port(authority, TLS_PORT if secure else PORT, text)
        shown = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{slash}{prefix}"
        return Address(shown, "tls" if secure else "tcp", host=host, port=port, path=(slash + prefix).rstrip("/"))
    if scheme == "ssh":
        authority, _, path = rest.partition("/")
        user, at, location = authority.rpartition("@")
        host, port = _host_port(location, 0, text)
        return Address(text, "ssh", host=host, port=port, user=user if at else None, path=f"/{path}" if path else "")
    raise BadAddress(f"invalid bind address format: {text}")


def _host_port(authority: str, default: int, text: str) -> tuple[str, int]:
    if authority.startswith("["):
        host, bracket, port = authority[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise BadAddress(f"invalid bind address format: {text}")
        port = port[1:]
    elif authority.count(":") > 1:
        raise BadAddress(f"invalid bind address format: {text}")
    else:
        host, _, port = authority.partition(":")
    if port and not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise BadAddress(f"invalid bind address format: {text}")
    return host or "localhost", int(port) if port else default
