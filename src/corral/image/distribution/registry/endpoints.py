"""Which servers hold the repositories of a domain, in the order in which they are asked.

``docker.io`` is served by registry-1.docker.io and its credentials are kept under the name of an index that no longer
serves images; any other domain serves itself, over HTTPS, and insecure ones over HTTP as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from corral.image.distribution.registry.config import Mirror, RegistryConfig
from corral.image.distribution.registry.credentials import Credentials
from corral.image.distribution.registry.insecure import is_insecure
from corral.oci.reference import DEFAULT_DOMAIN

DEFAULT_HOST: Final = "registry-1.docker.io"
INDEX_HOST: Final = "index.docker.io"
INDEX_SERVER: Final = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that speaks the protocol. ``prefix``: of the path, before ``/v2/``; without a slash at its end."""

    scheme: str
    host: str
    prefix: str = ""
    insecure: bool = False
    mirror: Mirror | None = None

    @property
    def base(self) -> str:
        """What ``/v2/`` is appended to."""
        return f"{self.scheme}://{self.host}{self.prefix}"

    @property
    def ping(self) -> str:
        return f"{self.base}/v2/"

    def credentials(self, given: Credentials) -> Credentials:
        """Those that this server may see of the ones ``given`` for the domain."""
        if self.mirror is None:
            return given
        return self.mirror.credentials or Credentials()


def credentials_key(domain: str) -> str:
    """Under which name the credentials of a domain are kept in the client's configuration file."""
    return INDEX_SERVER if domain in {DEFAULT_DOMAIN, INDEX_HOST} else domain


def endpoints_of(domain: str, config: RegistryConfig, *, mirrors: bool) -> tuple[Endpoint, ...]:
    """Mirrors only serve what is read, so a push asks for none. May block, see `is_insecure`."""
    found: list[Endpoint] = []
    if mirrors:
        for mirror in config.mirrors.get(DEFAULT_DOMAIN if domain == INDEX_HOST else domain, ()):
            url = urlsplit(mirror.url if "://" in mirror.url else f"https://{mirror.url}")
            insecure = is_insecure(url.netloc, config.insecure)
            found.append(Endpoint(url.scheme, url.netloc, url.path.rstrip("/"), insecure, mirror))
    if domain in {DEFAULT_DOMAIN, INDEX_HOST}:
        found.append(Endpoint("https", DEFAULT_HOST))
        return tuple(found)
    origin = Endpoint("https", domain, insecure=is_insecure(domain, config.insecure))
    found.append(origin)
    if origin.insecure:
        found.append(replace(origin, scheme="http"))
    return tuple(found)
