"""From a request to the endpoint that answers it, and from what that raises to an answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Final

from corral import __version__
from corral.api.server.errors import error_response
from corral.api.server.http.head import BadRequest
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.http.server import HttpServer
from corral.api.server.router import Route, Router
from corral.api.server.routers.unsupported import refusal
from corral.api.server.version import MAXIMUM, negotiate, parse_version, show_version
from corral.errors import NotFound

__all__ = ["App"]

log = logging.getLogger(__name__)

_VERSIONED: Final = re.compile(r"/v([0-9.]+)(/.*)", re.DOTALL)

COMMON_HEADERS: Final = (
    f"Api-Version: {show_version(MAXIMUM)}\r\n"
    "Docker-Experimental: false\r\n"
    "Ostype: linux\r\n"
    f"Server: corral/{__version__} (linux)\r\n"
)


class App(HttpServer):
    """The HTTP server of the API."""

    def __init__(self, routes: Iterable[Route]) -> None:
        super().__init__(self.answer, COMMON_HEADERS)
        self._router = Router(routes)

    async def answer(self, request: Request) -> Response:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s", request.method, request.head.target)
        try:
            path = request.path
            versioned = _VERSIONED.fullmatch(path)
            if versioned is None:
                request.api_version = MAXIMUM
            else:
                version = parse_version(versioned[1])
                if version is None:
                    raise NotFound("page not found")
                request.api_version = negotiate(version)
                path = versioned[2]
            found = self._router.find(request.method, path)
            if found is None:
                raise refusal(request.method, path)
            endpoint, request.parameters = found
            return await endpoint(request)
        except ConnectionError:
            raise
        except Exception as error:
            return error_response(error)

    def error_response(self, error: BadRequest) -> Response:
        return error_response(error)
