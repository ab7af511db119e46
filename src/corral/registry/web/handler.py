"""One request: where it goes, whether it may, what comes of it.

Order: the path, then the names in it, then who asks, then what the server does at all, then the endpoint. Whatever an
endpoint raises becomes one line in the specification's form; no request ends without being counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from corral.registry.auth.access import Need
from corral.registry.names import check_digest, check_repository, digest_or_tag
from corral.registry.refusals import NO_SUCH_PAGE, UNAUTHORIZED, UNSUPPORTED, Refusal
from corral.registry.web import blobs, catalog, manifests, referrers, statistics, tags, tokens, uploads
from corral.registry.web.answers import COMMON, answer, error_answer
from corral.registry.web.bodies import Query
from corral.registry.web.routes import Page, Route, parse_path
from corral.registry.web.service import Call, Service

__all__ = ["Handler"]

log = logging.getLogger(__name__)

Endpoint = Callable[[Call], Awaitable[web.StreamResponse]]


async def _root(_call: Call) -> web.StreamResponse:
    return answer(200)


async def _base(_call: Call) -> web.StreamResponse:
    return answer(200, {}, b"{}", "application/json")


_ENDPOINTS: Final[dict[Page, dict[str, Endpoint]]] = {
    Page.ROOT: {"GET": _root, "HEAD": _root},
    Page.BASE: {"GET": _base, "HEAD": _base},
    Page.CATALOG: {"GET": catalog.listing},
    Page.TAGS: {"GET": tags.listing, "HEAD": tags.listing},
    Page.MANIFEST: {
        "GET": manifests.get,
        "HEAD": manifests.get,
        "PUT": manifests.put,
        "DELETE": manifests.delete,
    },
    Page.BLOB: {"GET": blobs.get, "HEAD": blobs.get, "DELETE": blobs.delete},
    Page.UPLOADS: {"POST": uploads.begin},
    Page.UPLOAD: {
        "GET": uploads.status,
        "HEAD": uploads.status,
        "PATCH": uploads.append,
        "PUT": uploads.finish,
        "DELETE": uploads.cancel,
    },
    Page.REFERRERS: {"GET": referrers.listing, "HEAD": referrers.listing},
    Page.TOKEN: {"GET": tokens.get, "POST": tokens.post},
    Page.METRICS: {"GET": statistics.get},
}
_READS: Final = frozenset({"GET", "HEAD"})
_OF_REPOSITORY: Final = frozenset({Page.TAGS, Page.MANIFEST, Page.BLOB, Page.UPLOADS, Page.UPLOAD, Page.REFERRERS})
_FREE: Final = frozenset({Page.ROOT, Page.TOKEN})
"""Nobody needs a name for these; the token endpoint asks for itself."""


class Handler:
    def __init__(self, service: Service, *, access_log: bool = False) -> None:
        self.service = service
        self._access_log = access_log
        self._active = 0
        self._idle: asyncio.Event | None = None

    async def finish(self, timeout: float) -> None:
        """Waits for the requests that are under way; connections end with them."""
        self._idle = asyncio.Event()
        if self._active:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._idle.wait()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        begun = time.perf_counter()
        measures = self.service.measures
        measures.add("requests_in_flight")
        self._active += 1
        path, _, query = request.raw_path.partition("?")
        if not path.startswith("/"):  # absolute form: http://host/path
            path = "/" + path.partition("://")[2].partition("/")[2]
        route = parse_path(path)
        status = 499
        try:
            response = await self._answer(request, route, query)
            status = response.status
            if self._idle is not None:
                response.force_close()
            return response
        finally:
            seconds = time.perf_counter() - begun
            measures.add("requests_in_flight", -1)
            self._active -= 1
            if self._idle is not None and not self._active:
                self._idle.set()
            measures.request(request.method, route.page if route else None, status, seconds)
            if self._access_log:
                log.info("%s %s %s %d %.1fms", request.remote, request.method, request.raw_path, status, seconds * 1000)

    async def _answer(self, request: web.BaseRequest, route: Route | None, query: str) -> web.StreamResponse:
        need = Need()
        try:
            if route is None:
                raise Refusal(NO_SUCH_PAGE)
            endpoints = _ENDPOINTS[route.page]
            endpoint = endpoints.get(request.method)
            _check_names(route)
            parameters = Query(query)
            need = _need(route, request.method, parameters)
            identity = await self.service.access.identify(request.headers.get("Authorization"))
            if route.page not in _FREE:
                self.service.access.check(identity, need)
            if endpoint is None:
                return error_answer(Refusal(UNSUPPORTED, request.method), {"Allow": ", ".join(endpoints)})
            self._check_policy(route, request.method)
            return await endpoint(Call(self.service, request, route, parameters, identity))
        except ConnectionError:
            return _hang_up(request)
        except Exception as error:
            headers = {}
            if isinstance(error, Refusal) and error.reason is UNAUTHORIZED:
                if request.headers.get("Authorization"):
                    self.service.measures.add("refused_sign_ins_total")
                mark = error.detail if error.detail == "insufficient_scope" else ""
                headers["WWW-Authenticate"] = self.service.access.challenge(need, own_url(request), mark)
            response = error_answer(error, headers)
            if not request.content.is_eof() and request.body_exists:
                # what is left of a body that nobody wants may be gigabytes
                response.force_close()
            return response

    def _check_policy(self, route: Route, method: str) -> None:
        """Raises Refusal."""
        if method in _READS or route.page not in _OF_REPOSITORY:
            return
        policy = self.service.policy
        if self.service.upstream is not None:
            raise Refusal(UNSUPPORTED, text="this registry is a pull-through cache: push to the registry behind it")
        if policy.read_only:
            raise Refusal(UNSUPPORTED, text="the registry is read-only")
        if method == "DELETE" and route.page is not Page.UPLOAD and not policy.deletes:
            raise Refusal(UNSUPPORTED, text="deletion is disabled")


def own_url(request: web.BaseRequest) -> str:
    """What the client called this server."""
    return f"{request.scheme}://{request.host}"


def _check_names(route: Route) -> None:
    """Raises Refusal."""
    if route.page not in _OF_REPOSITORY:
        return
    check_repository(route.repository)
    if route.page is Page.MANIFEST:
        digest_or_tag(route.argument)
    elif route.page in (Page.BLOB, Page.REFERRERS):
        check_digest(route.argument)


def _need(route: Route, method: str, query: Query) -> Need:
    if route.page is Page.CATALOG:
        return Need(catalog=True)
    if route.page not in _OF_REPOSITORY:
        return Need()
    if route.page is Page.UPLOADS:
        source = query.get("from")
        return Need(route.repository, "push", source=check_repository(source) if source else "")
    if route.page is Page.UPLOAD:
        return Need(route.repository, "push")
    return Need(route.repository, "pull" if method in _READS else "delete" if method == "DELETE" else "push")


def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    """The client has gone, or must not take what it got for the whole of it."""
    if request.transport is not None:
        request.transport.abort()
    response = web.Response(status=400, headers=COMMON)
    response.force_close()
    return response
