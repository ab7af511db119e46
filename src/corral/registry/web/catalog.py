"""``/v2/_catalog``: the repositories that the caller may pull from. Not in the standard; as the reference has it."""

from __future__ import annotations

from aiohttp import web

from corral.registry.web.answers import json_answer
from corral.registry.web.paging import limit_of, next_link
from corral.registry.web.service import Call

__all__ = ["listing"]


async def listing(call: Call) -> web.StreamResponse:
    limit = limit_of(call.query)
    found, more = call.service.storage.index.repositories(
        call.query.get("last"), limit, lambda name: "pull" in call.service.access.rights(call.identity.user, name)
    )
    headers = next_link("/v2/_catalog", {"n": limit or 0, "last": found[-1]}) if more and found else {}
    return json_answer({"repositories": found}, headers)
