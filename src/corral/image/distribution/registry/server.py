"""One server, as all who talk to it share it: how it is reached, and what it asks to be shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from corral.image.distribution.registry.certificates import Certificates
from corral.image.distribution.registry.challenges import Challenge, parse_challenges
from corral.image.distribution.registry.config import RegistryConfig
from corral.image.distribution.registry.endpoints import Endpoint
from corral.image.distribution.registry.faults import Refused, Unreachable, Untrusted, refusal
from corral.image.distribution.registry.pool import Pool
from corral.image.distribution.registry.proxies import proxy_for
from corral.image.distribution.registry.request import Request, operation
from corral.image.distribution.registry.tokens import Tokens

if TYPE_CHECKING:
    from corral.image.distribution.registry.wire import Answer

_KNOWN_FOR: Final = 300
"""Seconds after which a server is asked again what it wants to be shown."""
_LONGEST_ERROR: Final = 64 << 10
_LONGEST_TOKEN: Final = 1 << 20


class Server:
    def __init__(
        self, endpoint: Endpoint, pool: Pool, certificates: Certificates, tokens: Tokens, config: RegistryConfig
    ) -> None:
        self.endpoint = endpoint
        self.tokens = tokens
        self.config = config
        self.challenges: tuple[Challenge, ...] = ()
        self._pool = pool
        self._certificates = certificates
        self._known_until = 0.0
        self._asking = asyncio.Lock()

    async def send(self, request: Request) -> Answer:
        """One request to whatever server its URL names. Raises Fault, Invalid."""
        proxy = proxy_for(request.url, self.config.proxies)
        tls = None
        if request.url.startswith("https:"):
            tls = self._certificates.context(self.endpoint.host, insecure=self.endpoint.insecure)
        return await (await self._pool.wire()).send(request, tls, proxy)

    async def ping(self) -> None:
        """Finds out whether the server speaks the protocol, unless that is known. Any answer means yes; one of 401
        says how to be let in. Raises Fault."""
        async with self._asking:
            if time.monotonic() < self._known_until:
                return
            answer = await self.send(Request("GET", self.endpoint.ping))
            try:
                self.learn(answer)
                await answer.read(_LONGEST_ERROR)
            finally:
                answer.release()

    def learn(self, answer: Answer) -> None:
        self.challenges = parse_challenges(answer.challenges) if answer.status == 401 else ()
        self._known_until = time.monotonic() + _KNOWN_FOR

    def forget(self) -> None:
        """The server went away: perhaps another one comes in its place."""
        self._known_until = 0

    async def fetch_token(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """See `tokens.Fetch`. Redirects are not followed: the request holds a password. Raises Fault."""
        scheme = urlsplit(url).scheme
        if scheme not in {"http", "https"}:
            raise Untrusted(f"invalid token auth challenge realm: unsupported protocol scheme {scheme!r}")
        secret = "Authorization" in headers or body is not None
        if secret and scheme == "http" and not self.endpoint.insecure:
            raise Untrusted(f"{operation(method, url)}: credentials are not sent to a token server without TLS")
        answer = await self.send(Request(method, url, headers, body))
        try:
            content = await answer.read(_LONGEST_TOKEN)
            if answer.status != 200:
                raise refusal(answer.status, answer.headers, answer.challenges, content)
            return content
        finally:
            answer.release()

    def lost(self, fault: Exception) -> None:
        if isinstance(fault, Unreachable | Untrusted):
            self.forget()


async def refused(answer: Answer) -> Refused:
    """What an answer that is not wanted says. Releases it."""
    try:
        body = await answer.read(_LONGEST_ERROR)
    finally:
        answer.release()
    return refusal(answer.status, answer.headers, answer.challenges, body)
