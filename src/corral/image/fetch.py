"""The archive at a URL, for ``docker import URL``."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

from corral.errors import Invalid, NotFound, Unavailable

_CHUNK: Final = 1 << 18
_CONNECT_SECONDS: Final = 30
_IDLE_SECONDS: Final = 60
_SCHEMES: Final = ("http", "https")


def normalize(url: str) -> str:
    """A URL without a scheme is one of http. Raises Invalid for what cannot be fetched."""
    if "://" not in url:
        url = f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise Invalid(f"cannot import from {url}: only http and https URLs can be fetched")
    return url


async def fetch(url: str) -> AsyncIterator[bytes]:
    """The body of ``url``, as it comes. Raises Invalid, NotFound, Unavailable in Docker's words."""
    import aiohttp

    url = normalize(url)
    timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS, sock_read=_IDLE_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False, trust_env=True) as session,
            session.get(url) as response,
        ):
            if response.status >= 400:
                kind = NotFound if response.status == 404 else Unavailable
                raise kind(f"got HTTP status code >= 400: {response.status} {response.reason}")
            async for piece in response.content.iter_chunked(_CHUNK):
                yield piece
    except aiohttp.ClientConnectorError as error:
        reason = os.strerror(error.os_error.errno).lower() if error.os_error.errno else str(error.os_error)
        address = f"{error.host}:{error.port}"
        raise Unavailable(f'Get "{url}": dial tcp {address}: connect: {reason}') from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(f'Get "{url}": {str(error) or "timed out"}') from error
