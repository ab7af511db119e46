"""Requests for one repository at one server: shown credentials, led through redirects, tried again.

- A request carries what the server's challenges ask for, before it is asked. An answer of 401 renews that once.
- An ``Authorization`` header goes to the server itself and to nobody else: not to where a redirect or an upload's
  location leads, and never from HTTPS to HTTP.
- What may succeed later (429, 5xx, a broken connection) is tried ``attempts`` times in all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from corral.image.distribution.registry import scopes
from corral.image.distribution.registry.backoff import delay
from corral.image.distribution.registry.credentials import Credentials
from corral.image.distribution.registry.faults import Fault, Nonsense, Refused, Unauthenticated, Unreachable, Untrusted
from corral.image.distribution.registry.request import Request, operation
from corral.image.distribution.registry.server import Server, refused
from corral.image.distribution.registry.tokens import Wanted

if TYPE_CHECKING:
    from corral.image.distribution.registry.wire import Answer

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD: Final = frozenset({307, 308})
_MOST_REDIRECTS: Final = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """One ``Authorization`` header. ``token``: the Bearer token in it."""

    header: str = ""
    token: str = ""


class Channel:
    """``path`` is the repository's; empty for requests that concern none, as a login. ``actions``: pull, push, ..."""

    def __init__(
        self, server: Server, path: str, actions: tuple[str, ...], credentials: Credentials, *, offline: bool = False
    ) -> None:
        self.server = server
        self.endpoint = server.endpoint
        self._scopes = (scopes.repository(path, *actions),) if path else ()
        self._credentials = server.endpoint.credentials(credentials)
        self._offline = offline
        self.identity_token = ""
        """What a token server gave instead of a password; see `login`."""

    def url(self, path: str) -> str:
        return f"{self.endpoint.base}/v2/{path}"

    async def send(
        self, request: Request, expected: tuple[int, ...] = (200,), *, attempts: int | None = None, also: str = ""
    ) -> Answer:
        """The answer, whose status is one of ``expected``; the caller releases it. ``also``: a scope besides the
        repository's own. Raises Fault, Invalid."""
        attempts = self.server.config.attempts if attempts is None else attempts
        attempt = 1
        while True:
            try:
                return await self._attempt(request, expected, also)
            except Fault as fault:
                self.server.lost(fault)
                if attempt >= attempts or not is_retried(fault):
                    raise
                await asyncio.sleep(delay(attempt, fault, self.server.config.patience))
            attempt += 1

    async def read(
        self, request: Request, limit: int, expected: tuple[int, ...] = (200,), *, also: str = ""
    ) -> tuple[Answer, bytes]:
        """An answer and its whole body."""
        attempt = 1
        while True:
            answer = await self.send(request, expected, also=also)
            try:
                return answer, await answer.read(limit)
            except Unreachable as fault:
                if attempt >= self.server.config.attempts:
                    raise
                await asyncio.sleep(delay(attempt, fault, self.server.config.patience))
            finally:
                answer.release()
            attempt += 1

    async def plainly(self, request: Request, *, any_status: bool = False) -> Answer:
        """As the first version of the protocol has it: a name and a password are shown unasked, once. Raises Fault."""
        shown = Shown(self._credentials.basic) if self._credentials.has_basic else Shown()
        answer = await self._follow(request, shown)
        if answer.status == 200 or any_status:
            return answer
        raise await refused(answer)

    async def _attempt(self, request: Request, expected: tuple[int, ...], also: str) -> Answer:
        shown = await self._show(request, also)
        answer = await self._follow(request, shown)
        if answer.status == 401 and answer.challenges and self._is_own(answer.request.url):
            self.server.learn(answer)
            try:
                renewed = await self._show(request, also, instead_of=shown.token)
            except Unauthenticated:
                raise await refused(answer) from None
            except BaseException:
                answer.close()
                raise
            if renewed != shown:
                answer.close()
                answer = await self._follow(request, renewed)
        if answer.status in expected:
            return answer
        raise await refused(answer)

    async def _show(self, request: Request, also: str, *, instead_of: str = "") -> Shown:
        """What the server's challenges ask for; nothing when it asks for nothing."""
        if self._credentials.registry_token:
            return Shown(f"Bearer {self._credentials.registry_token}")
        challenges = {challenge.scheme: challenge for challenge in reversed(self.server.challenges)}
        where = operation(request.method, request.url)
        if bearer := challenges.get("bearer"):
            realm = bearer.parameters.get("realm", "")
            if not realm:
                raise Nonsense(f"{where}: no realm specified for token auth challenge")
            wanted = Wanted(
                realm=urljoin(self.endpoint.ping, realm),
                service=bearer.parameters.get("service", ""),
                scopes=scopes.merge((*self._scopes, *((also,) if also else ()))),
                credentials=self._credentials,
                offline=self._offline,
            )
            try:
                token = await self.server.tokens.get(wanted, self.server.fetch_token, instead_of=instead_of)
            except (Refused, Unauthenticated) as fault:
                raise wrapped(where, fault) from fault
            self.identity_token = token.identity_token
            return Shown(f"Bearer {token.value}", token.value)
        if "basic" in challenges:
            if not self._credentials.has_basic:
                raise wrapped(where, Unauthenticated("no basic auth credentials"))
            return Shown(self._credentials.basic)
        return Shown()

    async def _follow(self, request: Request, shown: Shown) -> Answer:
        method = request.method
        for _ in range(_MOST_REDIRECTS):
            headers = dict(request.headers)
            if shown.header and self._is_own(request.url):
                headers["Authorization"] = shown.header
            answer = await self.server.send(replace(request, headers=headers))
            if answer.status not in _REDIRECTS or (location := answer.headers.get("Location")) is None:
                return answer
            keeps = answer.status in _KEEPS_METHOD or method in {"GET", "HEAD"}
            answer.close()
            where = operation(method, request.url)
            if not keeps:
                raise Nonsense(f"{where}: redirected with status {answer.status}, which an upload does not follow")
            request = replace(request, url=self.leads(request.url, location, where))
        raise Nonsense(f"{operation(method, request.url)}: stopped after {_MOST_REDIRECTS} redirects")

    def leads(self, url: str, location: str, where: str) -> str:
        """The absolute form of a ``Location``, relative or not. Raises Untrusted for one that must not be followed."""
        try:
            target = urljoin(url, location)
            parts = urlsplit(target)
            usable = bool(parts.hostname) and (parts.port is None or parts.port > 0) and parts.username is None
        except ValueError:
            usable = False
        if not usable or any(ord(c) <= 0x20 or ord(c) == 0x7F for c in location):
            raise Nonsense(f"{where}: failed to parse Location header")
        if parts.scheme not in {"http", "https"}:
            where = operation(where.partition(" ")[0], target)
            raise Untrusted(f'{where}: unsupported protocol scheme "{parts.scheme}"')
        if parts.scheme == "http" and url.startswith("https:") and not self.endpoint.insecure:
            raise Untrusted(f"{where}: redirected from HTTPS to {operation('GET', target)[4:]}, which is refused")
        return target

    def _is_own(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme == self.endpoint.scheme and parts.netloc == self.endpoint.host


def is_retried(fault: Fault) -> bool:
    """A server that cannot be reached at all is not waited for, except in the middle of a transfer."""
    if isinstance(fault, Unreachable):
        return fault.connected
    return fault.transient


def wrapped(where: str, fault: Fault) -> Fault:
    """A token server's refusal as the failure of the request that the token was for."""
    text = f"{where}: {fault.text}"
    outer: Fault = Unauthenticated(text)
    if isinstance(fault, Refused):
        outer = Refused(text, fault.status, fault.details, fault.retry_after, by_token_server=True)
    outer.bare = fault.text
    return outer
