"""``/v2/NAME/tags/list``. Source: OCI distribution-spec 1.1, "Listing Tags"."""

from __future__ import annotations

from aiohttp import web

from corral.registry.refusals import NAME_UNKNOWN, Refusal
from corral.registry.web.answers import json_answer
from corral.registry.web.paging import limit_of, next_link
from corral.registry.web.service import Call

__all__ = ["listing"]


async def listing(call: Call) -> web.StreamResponse:
    limit, last = limit_of(call.query), call.query.get("last")
    found = await _tags(call, last, None if limit is None else limit + 1)
    headers = {}
    if limit is not None and len(found) > limit:
        found = found[:limit]
        if found:
            headers = next_link(f"/v2/{call.repository}/tags/list", {"n": limit, "last": found[-1]})
    return json_answer({"name": call.repository, "tags": found}, headers)


async def _tags(call: Call, last: str, limit: int | None) -> list[str]:
    """Raises Refusal when there is no such repository."""
    if call.service.upstream is not None:
        everything = await call.service.upstream.tags(call.repository)
        if everything is not None:
            return sorted(tag for tag in everything if tag > last)[:limit]
    index = call.service.storage.index
    found = index.tags(call.repository, last, limit)
    if not found and not index.has_repository(call.repository):
        raise Refusal(NAME_UNKNOWN, call.repository)
    return found
