"""``/v2/NAME/blobs/uploads/``: everything that brings a blob in.

Source: OCI distribution-spec 1.1, "Pushing blobs", "Cancel a blob upload", "Mounting a blob from another repository".
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from corral.oci.digest import Digest, algorithm_of
from corral.registry.names import check_digest
from corral.registry.refusals import DIGEST_INVALID, SIZE_INVALID, Refusal
from corral.registry.storage.uploads import Upload
from corral.registry.web.answers import answer
from corral.registry.web.bodies import chunk_range, pieces
from corral.registry.web.service import Call

__all__ = ["append", "begin", "cancel", "finish", "status"]


async def begin(call: Call) -> web.StreamResponse:
    """POST: a mount, a whole blob, or a new session."""
    if call.query.get("mount"):
        mounted = await _mount(call, check_digest(call.query.get("mount")))
        if mounted is not None:
            return mounted
    elif call.query.has("digest"):
        return await _whole(call, check_digest(call.query.get("digest")))
    algorithm = call.query.get("digest-algorithm")
    with call.service.uploads.begin(call.repository, algorithm) as upload:
        return _accepted(call, upload.id, upload.written)


async def _mount(call: Call, digest: Digest) -> web.StreamResponse | None:
    """None when it cannot be had from anywhere that the caller may read: it has to be uploaded then."""
    index = call.service.storage.index
    source = call.query.get("from")
    if index.blob(call.repository, digest) is not None:
        return _created(call, digest)
    access = call.service.access
    if source:
        sources = [source] if access.allows(call.identity, source, "pull") else []
    else:  # a token cannot name what its holder does not know: what counts is what the user may read
        sources = [name for name in index.holders(digest) if "pull" in access.rights(call.identity.user, name)]
    for name in sources:
        if await index.mount(name, call.repository, digest) is not None:
            return _created(call, digest)
    return None


async def _whole(call: Call, digest: Digest) -> web.StreamResponse:
    with call.service.uploads.begin(call.repository, algorithm_of(digest)) as upload:
        try:
            await _receive(call, upload)
            await call.service.uploads.finish(upload, digest)
        finally:
            if upload.ingest.is_open:  # nobody knows its id
                upload.ingest.discard()
    return _created(call, digest)


async def append(call: Call) -> web.StreamResponse:
    """PATCH: the next chunk, or a stream of unknown length."""
    with await _opened(call) as upload:
        await _receive(call, upload)
        return _accepted(call, upload.id, upload.written)


async def finish(call: Call) -> web.StreamResponse:
    """PUT: perhaps a last chunk, and the digest of it all."""
    if not call.query.has("digest"):
        raise Refusal(DIGEST_INVALID, text="the digest parameter is missing")
    digest = check_digest(call.query.get("digest"))
    with await _opened(call) as upload:
        await _receive(call, upload)
        await call.service.uploads.finish(upload, digest)
    return _created(call, digest)


async def status(call: Call) -> web.StreamResponse:
    """GET: how far it has come."""
    written = call.service.uploads.offset(call.repository, call.argument)
    return _accepted(call, call.argument, written, status=204)


async def cancel(call: Call) -> web.StreamResponse:
    call.service.uploads.cancel(call.repository, call.argument)
    return answer(204)


async def _opened(call: Call) -> Upload:
    # off the loop: what another process wrote has to be digested again
    return await asyncio.to_thread(call.service.uploads.open, call.repository, call.argument)


async def _receive(call: Call, upload: Upload) -> None:
    """Writes the body behind what is there. Raises Refusal, or ConnectionError when it breaks off; what came, stays."""
    wanted = chunk_range(call.request)
    upload.expect(wanted[0] if wanted else None)
    length = call.request.content_length
    limits = call.service.uploads.limits
    if length:
        limits.check_room(length)
    received = 0
    try:
        async for piece in pieces(call.request):
            received += len(piece)
            if wanted and received > wanted[1]:
                raise Refusal(SIZE_INVALID, f"content range has {wanted[1]} bytes, more were sent")
            if length is None:
                limits.check_room(len(piece))
            await asyncio.to_thread(upload.ingest.write, piece)
    finally:
        call.service.measures.add("received_bytes_total", received)
    if wanted and received < wanted[1]:
        raise Refusal(SIZE_INVALID, f"content range has {wanted[1]} bytes, {received} were sent")


def _accepted(call: Call, upload_id: str, written: int, *, status: int = 202) -> web.Response:
    headers = {
        "Location": f"/v2/{call.repository}/blobs/uploads/{upload_id}",
        "Range": f"0-{max(written - 1, 0)}",
        "Docker-Upload-Uuid": upload_id,
    }
    if call.service.policy.chunk_minimum:
        headers["OCI-Chunk-Min-Length"] = str(call.service.policy.chunk_minimum)
    return answer(status, headers)


def _created(call: Call, digest: Digest) -> web.Response:
    return answer(201, {"Location": f"/v2/{call.repository}/blobs/{digest}", "Docker-Content-Digest": digest})
