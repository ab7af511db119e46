"""A small client of the registry that is cached: reads only.

Source: OCI distribution-spec 1.1; Docker registry v2 authentication (Bearer challenge, token endpoint).
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from corral.errors import Invalid, Unavailable
from corral.oci.image import DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, INDEX, MANIFEST
from corral.registry.refusals import DENIED, Reason, Refusal
from corral.registry.settings import Proxy

__all__ = ["Upstream"]

_ACCEPT: Final = ", ".join((INDEX, MANIFEST, DOCKER_MANIFEST_LIST, DOCKER_MANIFEST))
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=10, sock_connect=10, sock_read=60)
_WORD: Final = re.compile(r'(\w+)="([^"]*)"')
_TOKEN_LIFETIME: Final = 60
_DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io", "hub.docker.com"})


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""
    expires_in: int = _TOKEN_LIFETIME


class Upstream:
    """An async context. Raises Invalid when the URL is none."""

    def __init__(self, proxy: Proxy) -> None:
        url = URL(proxy.url if "://" in proxy.url else f"https://{proxy.url}")
        if url.scheme not in ("http", "https") or not url.host:
            raise Invalid(f"invalid upstream registry {proxy.url}")
        if url.host in _DOCKER_HUB:
            url = URL("https://registry-1.docker.io")
        self.url = url.with_path("/").with_user(None)
        self._proxy = proxy
        self._tokens: dict[str, tuple[str, float]] = {}
        self._basic = False
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Upstream:
        tls: ssl.SSLContext | bool = True
        if self._proxy.ca:
            try:
                tls = ssl.create_default_context(cafile=str(self._proxy.ca))
            except (OSError, ssl.SSLError) as error:
                raise Invalid(f"cannot use {self._proxy.ca}: {error}") from None
        self._session = aiohttp.ClientSession(
            timeout=_TIMEOUT, connector=aiohttp.TCPConnector(limit=32, ssl=tls), auto_decompress=False, trust_env=True
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def request(
        self, method: str, repository: str, path: str, missing: Reason, headers: dict[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """``path`` below the repository. Raises Refusal for what it has not or does not give, Unavailable else."""
        assert self._session is not None
        url = self.url.with_path(f"/v2/{repository}/{path}")
        scope = f"repository:{repository}:pull"
        given = {"Accept": _ACCEPT, "Accept-Encoding": "identity", **(headers or {})}
        try:
            async with self._session.request(method, url, headers=given | self._credentials(scope)) as response:
                if response.status != 401:
                    self._check(response, repository, missing)
                    yield response
                    return
                challenge = response.headers.get("WWW-Authenticate", "")
            await self._sign_in(challenge, scope)
            async with self._session.request(method, url, headers=given | self._credentials(scope)) as response:
                self._check(response, repository, missing)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"upstream {self.url.host} does not answer: {_reason(error)}") from None

    def _check(self, response: aiohttp.ClientResponse, repository: str, missing: Reason) -> None:
        status = response.status
        if status == 404:
            raise Refusal(missing, repository)
        if status in (401, 403):
            raise Refusal(DENIED, f"{repository} by upstream {self.url.host}")
        if status not in (200, 206):
            raise Unavailable(f"upstream {self.url.host} answers with status {status}")

    def _credentials(self, scope: str) -> dict[str, str]:
        if self._basic:
            return {"Authorization": aiohttp.BasicAuth(self._proxy.user, self._proxy.password).encode()}
        token, until = self._tokens.get(scope, ("", 0.0))
        return {"Authorization": f"Bearer {token}"} if token and until > time.monotonic() else {}

    async def _sign_in(self, challenge: str, scope: str) -> None:
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic" and self._proxy.user:
            self._basic = True
            return
        words = dict(_WORD.findall(rest))
        realm = URL(words.get("realm", ""))
        if scheme.lower() != "bearer" or realm.scheme not in ("http", "https"):
            return
        if realm.scheme == "http" and self.url.scheme == "https":
            raise Refusal(DENIED, f"upstream {self.url.host} wants credentials in the clear")
        assert self._session is not None
        auth = aiohttp.BasicAuth(self._proxy.user, self._proxy.password) if self._proxy.user else None
        query = {"service": words.get("service", ""), "scope": words.get("scope", scope)}
        async with self._session.get(realm.update_query(query), auth=auth) as response:
            if response.status != 200:
                raise Refusal(DENIED, f"upstream {self.url.host} refuses the credentials of the cache")
            try:
                token = msgspec.json.decode(await response.content.read(1 << 20), type=_Token)
            except msgspec.DecodeError:
                raise Unavailable(f"upstream {realm.host} does not give a token") from None
        lifetime = max(token.expires_in, _TOKEN_LIFETIME) - 10
        self._tokens[scope] = (token.token or token.access_token, time.monotonic() + lifetime)


def _reason(error: Exception) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "timeout"
    return (str(error) or type(error).__name__).replace("\n", " ")
