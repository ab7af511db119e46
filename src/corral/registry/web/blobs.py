"""``/v2/NAME/blobs/DIGEST``: a blob, whole or a range of it; its deletion.

Source: OCI distribution-spec 1.1, "Pulling blobs", "Deleting Blobs"; RFC 9110, sections 13 and 14.
"""

from __future__ import annotations

from aiohttp import web

from corral.oci.digest import Digest
from corral.registry.web.answers import COMMON, answer
from corral.registry.web.bodies import byte_range
from corral.registry.web.files import FileAnswer
from corral.registry.web.service import Call

__all__ = ["blob_headers", "delete", "get", "part", "send_stored"]


async def get(call: Call) -> web.StreamResponse:
    digest = Digest(call.argument)
    service = call.service
    size = service.storage.index.blob(call.repository, digest)
    if size is None and service.upstream is not None:
        if call.method == "HEAD":
            size = await service.upstream.blob_size(call.repository, digest)
            return answer(200, {**blob_headers(digest), "Content-Length": str(size)})
        sent = await service.upstream.send_blob(call, digest)
        if sent is not None:
            return sent
    elif service.upstream is not None:
        service.measures.add("proxy_hits_total")
    return await send_stored(call, digest)


async def send_stored(call: Call, digest: Digest) -> web.StreamResponse:
    """Raises Refusal."""
    service = call.service
    size = service.storage.blob(call.repository, digest)
    headers = blob_headers(digest)
    if matches(call.request.headers.get("If-None-Match"), digest):
        return answer(304, headers)
    if service.policy.touch_after:
        service.storage.index.touch(call.repository, digest, service.policy.touch_after)
    wanted = call.request.headers.get("Range", "")
    if not matches(call.request.headers.get("If-Range", digest), digest):
        wanted = ""
    status, offset, count = part(wanted, size, headers)
    if status == 416:
        return answer(status, headers)
    response = FileAnswer(status, headers, service.storage.open_blob(digest), offset, count)
    if call.method != "HEAD":
        service.measures.add("sent_bytes_total", count)
    await response.send(call.request)
    return response


async def delete(call: Call) -> web.StreamResponse:
    await call.service.storage.index.unlink(call.repository, Digest(call.argument))
    return answer(202)


def blob_headers(digest: Digest) -> dict[str, str]:
    """A blob never changes: whoever has it may keep it."""
    return {
        **COMMON,
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "Etag": f'"{digest}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "max-age=31536000, immutable",
    }


def matches(header: str | None, digest: str) -> bool:
    """Whether an If-None-Match or If-Range header names the content."""
    if not header:
        return False
    names = (part.strip().removeprefix("W/").strip('"') for part in header.split(","))
    return any(name in ("*", digest) for name in names)


def part(wanted: str, size: int, headers: dict[str, str]) -> tuple[int, int, int]:
    """Status, offset and count of what the ``Range`` header ``wanted`` asks for; ``headers`` get what says so."""
    try:
        found = byte_range(wanted, size)
    except ValueError:
        headers["Content-Range"] = f"bytes */{size}"
        return 416, 0, 0
    if found is None:
        return 200, 0, size
    offset, count = found
    headers["Content-Range"] = f"bytes {offset}-{offset + count - 1}/{size}"
    return 206, offset, count
