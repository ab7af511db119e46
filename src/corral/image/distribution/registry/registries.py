"""All registries: one pool of connections, one cache of tokens, one memory of which server speaks what."""

from __future__ import annotations

import asyncio

from corral.api.types.registry import SearchResult
from corral.image.distribution.registry.certificates import Certificates
from corral.image.distribution.registry.channel import Channel
from corral.image.distribution.registry.config import RegistryConfig
from corral.image.distribution.registry.credentials import ANONYMOUS, Credentials
from corral.image.distribution.registry.endpoints import INDEX_HOST, Endpoint, endpoints_of
from corral.image.distribution.registry.faults import Fault
from corral.image.distribution.registry.login import LoginAnswer, login, server_host
from corral.image.distribution.registry.pool import Pool
from corral.image.distribution.registry.repository import Repository
from corral.image.distribution.registry.route import Route
from corral.image.distribution.registry.search import index_of, search, split_term
from corral.image.distribution.registry.server import Server
from corral.image.distribution.registry.tokens import Tokens
from corral.image.distribution.registry.words import translate
from corral.oci.reference import Reference


class Registries:
    """Costs nothing before the first request. `reconfigure` may be called at any time."""

    def __init__(self, config: RegistryConfig) -> None:
        self.config = config
        self._pool = Pool(config.user_agent, config.patience)
        self._tokens = Tokens()
        self._certificates = Certificates(config.certs_directory)
        self._servers: dict[Endpoint, Server] = {}

    async def close(self) -> None:
        await self._pool.close()

    def reconfigure(self, config: RegistryConfig) -> None:
        """For repositories that are asked for from now on; connections stay as they are."""
        self.config = config
        self._certificates = Certificates(config.certs_directory)
        self._servers = {}

    def repository(
        self,
        reference: Reference,
        credentials: Credentials | None = None,
        *,
        push: bool = False,
        explained: bool | None = None,
    ) -> Repository:
        """Nothing is asked yet. ``push``: what is written goes to the registry itself, past its mirrors.

        ``explained``: what a registry refuses is explained in terms of the image ("manifest for X not found: ..."), as
        a pull's errors are and, unless that is said here, no push's.
        """
        given = credentials or ANONYMOUS
        actions = ("push", "pull") if push else ("pull",)

        def channels() -> tuple[Channel, ...]:
            return tuple(
                Channel(self._server(endpoint), reference.path, actions, given)
                for endpoint in endpoints_of(reference.domain, self.config, mirrors=not push)
            )

        return Repository(
            reference, Route(channels), given, push=push, explained=not push if explained is None else explained
        )

    async def login(self, server: str, credentials: Credentials) -> LoginAnswer:
        """``server``: as the API's ServerAddress; empty for docker.io. Raises Unauthorized, Unavailable, Invalid."""
        host = server_host(server) if server else INDEX_HOST
        endpoints = await asyncio.to_thread(endpoints_of, host, self.config, mirrors=False)
        self._tokens.forget(credentials)
        try:
            return await login(
                tuple(Channel(self._server(endpoint), "", (), credentials, offline=True) for endpoint in endpoints)
            )
        except Fault as fault:
            raise translate(fault, None, credentials) from None

    async def search(self, term: str, limit: int, credentials: Credentials | None = None) -> list[SearchResult]:
        """Raises Invalid, Unavailable."""
        given = credentials or ANONYMOUS
        domain, name = split_term(term)
        endpoints = await asyncio.to_thread(endpoints_of, domain, self.config, mirrors=False)
        channels = tuple(Channel(self._server(one), "", (), given) for one in index_of(domain, endpoints))
        try:
            return await search(channels, name, limit)
        except Fault as fault:
            raise translate(fault, None, given) from None

    def _server(self, endpoint: Endpoint) -> Server:
        server = self._servers.get(endpoint)
        if server is None:
            server = Server(endpoint, self._pool, self._certificates, self._tokens, self.config)
            self._servers[endpoint] = server
        return server
