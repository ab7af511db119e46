"""``/v2/NAME/manifests/REFERENCE``: a manifest by tag or digest; pushing and deleting it.

Conditional requests work on a manifest's digest as its entity tag: ``If-None-Match`` saves a pull of what is known,
``If-Match`` and ``If-None-Match: *`` keep a push from overwriting what somebody else has pushed meanwhile.

Source: OCI distribution-spec 1.1, "Pulling manifests", "Pushing Manifests", "Deleting Manifests"; RFC 9110, section 13.
"""

from __future__ import annotations

import hashlib

from aiohttp import web

from corral.oci.digest import Digest, algorithm_of, digest_of
from corral.registry.names import check_tag, digest_or_tag
from corral.registry.refusals import DIGEST_INVALID, MANIFEST_LARGE, Refusal
from corral.registry.storage.index import Condition
from corral.registry.storage.manifest import MAXIMUM, parse_manifest
from corral.registry.web.answers import answer
from corral.registry.web.blobs import matches
from corral.registry.web.bodies import whole
from corral.registry.web.service import Call

__all__ = ["delete", "get", "put"]

_TAGS_MAXIMUM = 50


async def get(call: Call) -> web.StreamResponse:
    digest, tag = digest_or_tag(call.argument)
    storage = call.service.storage
    warning = ""
    if call.service.upstream is not None:
        row, warning = await call.service.upstream.manifest(call.repository, digest, tag)
    else:
        row = storage.find_manifest(call.repository, digest, tag)
    headers = {"Docker-Content-Digest": row.digest, "Etag": f'"{row.digest}"'}
    if warning:
        headers["Warning"] = f'299 - "{warning}"'
    if matches(call.request.headers.get("If-None-Match"), row.digest):
        return answer(304, headers)
    if call.service.policy.touch_after:
        storage.index.touch(call.repository, row.digest, call.service.policy.touch_after)
    if call.method == "HEAD":
        response = answer(200, headers, kind=row.media_type)
        response.headers["Content-Length"] = str(row.size)
        return response
    return answer(200, headers, storage.content(row), row.media_type)


async def put(call: Call) -> web.StreamResponse:
    wanted, tag = digest_or_tag(call.argument)
    tags = [check_tag(name) for name in call.query.all("tag")] if wanted else [tag]
    if len(tags) > _TAGS_MAXIMUM:
        raise Refusal(MANIFEST_LARGE, text=f"at most {_TAGS_MAXIMUM} tags at a time")
    content = await whole(call.request, MAXIMUM, Refusal(MANIFEST_LARGE, f"{MAXIMUM} bytes"))
    digest = _digest(content, wanted)
    manifest = parse_manifest(content, call.request.headers.get("Content-Type", ""))
    call.service.uploads.limits.check_room(len(content))
    await call.service.storage.put_manifest(
        call.repository, digest, content, manifest, list(dict.fromkeys(tags)), condition=_condition(call)
    )
    headers = {"Location": f"/v2/{call.repository}/manifests/{digest}", "Docker-Content-Digest": digest}
    if manifest.subject:
        headers["OCI-Subject"] = manifest.subject
    if wanted and tags:
        headers["OCI-Tag"] = ", ".join(dict.fromkeys(tags))
    return answer(201, headers)


def _digest(content: bytes, wanted: Digest | None) -> Digest:
    """Raises Refusal when it is not the one that was promised."""
    if wanted is None:
        return digest_of(content)
    algorithm = algorithm_of(wanted)
    digest = Digest(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")
    if digest != wanted:
        raise Refusal(DIGEST_INVALID, f"content has digest {digest}")
    return digest


def _condition(call: Call) -> Condition:
    return Condition(
        _tags_of(call.request.headers.get("If-Match")), _tags_of(call.request.headers.get("If-None-Match"))
    )


def _tags_of(header: str | None) -> tuple[str, ...]:
    return tuple(part.strip().removeprefix("W/").strip('"') for part in header.split(",")) if header else ()


async def delete(call: Call) -> web.StreamResponse:
    digest, tag = digest_or_tag(call.argument)
    index = call.service.storage.index
    if digest:
        await index.delete_manifest(call.repository, digest)
    else:
        await index.delete_tag(call.repository, tag)
    return answer(202)
