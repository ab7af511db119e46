"""What a daemon's configuration says about registries."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from corral.errors import Invalid
from corral.image.distribution.registry.credentials import Credentials

CERTIFICATES: Final = Path("/etc/docker/certs.d")
USER_AGENT: Final = "corral"


@dataclass(frozen=True, slots=True)
class Mirror:
    """Another server that is asked first; see `validate_mirror` for what ``url`` may be.

    A mirror gets the credentials that stand here, and never those of the registry that it mirrors.
    """

    url: str
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Proxies:
    """URLs of proxies by the scheme of the request, and who is reached without one; see `proxies.proxy_for`."""

    http: str = ""
    https: str = ""
    no_proxy: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Proxies:
        """As Go's ``httpproxy.FromEnvironment``: upper case first, then lower case."""

        def first(name: str) -> str:
            return environment.get(name) or environment.get(name.lower()) or ""

        return cls(first("HTTP_PROXY"), first("HTTPS_PROXY"), first("NO_PROXY"))


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds, and what counts as progress."""

    connect: float = 30
    silence: float = 60
    """Without a single byte, and until the whole head of an answer has come."""
    digestion: float = 600
    """Until the answer to an upload: a registry may have to read it all again."""
    slowest: int = 1024
    """Bytes in a second, averaged over ``window``: what comes slower is given up."""
    window: float = 60
    backoff: float = 0.25
    """Before the second attempt; doubled for each further one."""
    longest_backoff: float = 30
    """What is waited at most, whatever ``Retry-After`` says."""


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    mirrors: Mapping[str, tuple[Mirror, ...]] = field(default_factory=dict)
    """By the domain of an image's name ("docker.io", "localhost:5000"), in the order in which they are tried."""
    insecure: tuple[str, ...] = ()
    """HOST[:PORT] or CIDR: certificates are not checked there, and plain HTTP is tried when HTTPS is not spoken.
    127.0.0.0/8 and ::1 always are."""
    certs_directory: Path = CERTIFICATES
    """See `certificates`."""
    proxies: Proxies = Proxies()
    attempts: int = 5
    user_agent: str = USER_AGENT
    patience: Patience = Patience()
    chunk: int = 0
    """Bytes of a piece in which blobs are uploaded; 0: whole, and in pieces where the registry refuses that."""


def validate_mirror(url: str) -> str:
    """The URL with one slash at its end. Raises Invalid in Docker's words."""
    scheme, colon, _ = url.partition("://")
    if not colon or not scheme:
        raise Invalid(
            f"invalid mirror: no scheme specified for {_quoted(url)}: must use either 'https://' or 'http://'"
        )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"invalid mirror: {_quoted(url)} is not a valid URI: {error}") from None
    if parts.scheme not in {"http", "https"}:
        raise Invalid(
            f"invalid mirror: unsupported scheme {_quoted(parts.scheme)} in {_quoted(url)}: "
            "must use either 'https://' or 'http://'"
        )
    if not host:
        raise Invalid(f"invalid mirror: {_quoted(url)} is not a valid URI")
    if parts.query or parts.fragment:
        raise Invalid(f"invalid mirror: query or fragment at end of the URI {_quoted(url)}")
    if parts.username is not None:
        shown = url.replace(parts.netloc, f"{parts.username}:xxxxx@{parts.netloc.rpartition('@')[2]}")
        raise Invalid(f"invalid mirror: username/password not allowed in URI {_quoted(shown)}")
    return url.removesuffix("/") + "/"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
