"""What endpoints need: one value, made once, handed to each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from corral.oci.digest import Digest
from corral.registry.auth.access import Access, Identity
from corral.registry.measures import Measures
from corral.registry.storage.index import ManifestRow
from corral.registry.storage.storage import Storage
from corral.registry.storage.uploads import Uploads
from corral.registry.web.bodies import Query
from corral.registry.web.routes import Route

__all__ = ["Call", "Policy", "Service", "Upstream"]


class Upstream(Protocol):
    """Where content comes from that is not here (pull-through cache)."""

    async def manifest(self, repository: str, digest: Digest | None, tag: str) -> tuple[ManifestRow, str]:
        """As it is upstream now, stored here; and a warning for the client, mostly empty. Raises Refusal."""

    async def blob_size(self, repository: str, digest: Digest) -> int:
        """Raises Refusal."""

    async def send_blob(self, call: Call, digest: Digest) -> web.StreamResponse | None:
        """Answers from upstream, storing it; None when it is here by now. Raises Refusal."""

    async def tags(self, repository: str) -> list[str] | None:
        """All of them; None when upstream cannot be asked. Raises Refusal."""

    async def referrers(self, repository: str, digest: Digest) -> bytes | None:
        """Upstream's index of them; None when it cannot be asked or has none."""


@dataclass(frozen=True, slots=True)
class Policy:
    """``chunk_minimum``: bytes of a chunk that clients are asked for; ``touch_after``: nanoseconds after which asking
    for content makes it young again."""

    read_only: bool = False
    deletes: bool = True
    chunk_minimum: int = 0
    touch_after: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    storage: Storage
    uploads: Uploads
    access: Access
    measures: Measures
    policy: Policy
    upstream: Upstream | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to its endpoint: names are checked, and who asks may do it."""

    service: Service
    request: web.BaseRequest
    route: Route
    query: Query
    identity: Identity

    @property
    def repository(self) -> str:
        return self.route.repository

    @property
    def argument(self) -> str:
        return self.route.argument

    @property
    def method(self) -> str:
        return self.request.method
