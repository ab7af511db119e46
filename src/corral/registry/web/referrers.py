"""``/v2/NAME/referrers/DIGEST``: the manifests whose subject it is, as an index.

An answer holds at most four megabytes of descriptors, which is what clients read of a manifest; the rest is behind its
Link. Source: OCI distribution-spec 1.1, "Listing Referrers".
"""

from __future__ import annotations

import json
from typing import Final

from aiohttp import web

from corral.oci.digest import Digest
from corral.oci.image import INDEX
from corral.registry.storage.index import Referrer
from corral.registry.web.answers import answer
from corral.registry.web.paging import limit_of, next_link
from corral.registry.web.service import Call

__all__ = ["listing"]

_MAXIMUM: Final = 4_000_000
_FILTERED: Final = {"OCI-Filters-Applied": "artifactType"}


async def listing(call: Call) -> web.StreamResponse:
    digest = Digest(call.argument)
    if call.service.upstream is not None:
        content = await call.service.upstream.referrers(call.repository, digest)
        if content is not None:
            return answer(200, {}, content, INDEX)
    wanted = call.query.get("artifactType")
    headers = dict(_FILTERED) if wanted else {}
    limit = limit_of(call.query)
    entries: list[bytes] = []
    size = 0
    last = ""
    for referrer in call.service.storage.index.referrers(call.repository, digest, wanted, call.query.get("last")):
        entry = _descriptor(referrer)
        if size + len(entry) > _MAXIMUM or (limit and len(entries) >= limit):
            parameters: dict[str, str | int] = {"last": last}
            if wanted:
                parameters["artifactType"] = wanted
            if limit:
                parameters["n"] = limit
            headers |= next_link(f"/v2/{call.repository}/referrers/{digest}", parameters)
            break
        entries.append(entry)
        size += len(entry) + 1
        last = referrer.digest
    head = json.dumps({"schemaVersion": 2, "mediaType": INDEX}, separators=(",", ":"))[:-1].encode()
    return answer(200, headers, head + b',"manifests":[' + b",".join(entries) + b"]}\n", INDEX)


def _descriptor(referrer: Referrer) -> bytes:
    value: dict[str, object] = {
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    }
    if referrer.artifact_type:
        value["artifactType"] = referrer.artifact_type
    if referrer.annotations:
        value["annotations"] = referrer.annotations
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
