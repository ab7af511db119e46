"""All that `corral registry serve` can be told, as data, checked where it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from corral.errors import Invalid
from corral.registry.auth.access import Settings as AccessSettings

__all__ = ["Address", "Proxy", "Settings", "Tls", "parse_address"]

_PORT: Final = 5000


@dataclass(frozen=True, slots=True)
class Address:
    """``host`` empty for all addresses; ``path`` instead of both for a Unix socket."""

    host: str = "127.0.0.1"
    port: int = _PORT
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """``HOST:PORT``, ``:PORT``, ``[V6]:PORT``, ``HOST``, ``unix:///PATH``. Raises Invalid."""
    if text.startswith("unix://"):
        path = text.removeprefix("unix://")
        if not path.startswith("/"):
            raise Invalid(f"invalid address {text}: the path of a unix socket must be absolute")
        return Address(path=path)
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]/]*))(?::([0-9]{1,5}))?", text)
    if not text or match is None or int(match[3] or 0) > 0xFFFF:
        raise Invalid(f"invalid address {text!r}: HOST:PORT or unix:///PATH")
    return Address(match[1] or match[2] or "", int(match[3]) if match[3] else _PORT)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM. ``clients``: CAs of whom clients need a certificate."""

    certificate: Path
    key: Path
    clients: Path | None = None


@dataclass(frozen=True, slots=True)
class Proxy:
    """The registry that is cached. ``keep``: seconds for which content is kept that nobody asks for; 0: for ever."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    keep: float = 7 * 86400
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds, sizes in bytes, 0 for no limit. ``token_service``: who tokens are for."""

    root: Path
    address: Address = Address()
    tls: Tls | None = None
    access: AccessSettings = field(default_factory=AccessSettings)
    token_service: str = "corral-registry"  # noqa: S105 (a name)
    token_lifetime: int = 300
    proxy: Proxy | None = None
    read_only: bool = False
    deletes: bool = True
    quota: int = 0
    max_uploads: int = 1000
    upload_timeout: float = 86400
    chunk_minimum: int = 0
    collect_interval: float = 3600
    collect_grace: float = 3600
    collect_untagged: bool = False
    workers: int = 1
    shutdown_timeout: float = 10
    access_log: bool = False

    def __post_init__(self) -> None:
        """Raises Invalid for what does not go together."""
        if self.proxy and self.workers > 1:
            raise Invalid("a pull-through cache has one worker: it joins the clients that wait for one download")
        if self.workers < 1:
            raise Invalid("there must be a worker")
        if self.token_lifetime < 60:
            raise Invalid("a token must live for 60 seconds at least: clients assume it")
