"""Responses, and the only place that knows which status a refusal has."""

from __future__ import annotations

import errno
import json
import logging
from typing import Final

from aiohttp import web

from corral import __version__
from corral.errors import CorralError
from corral.registry import refusals as said
from corral.registry.refusals import Refusal

__all__ = ["COMMON", "answer", "error_answer", "json_answer"]

log = logging.getLogger(__name__)

COMMON: Final = {
    "Docker-Distribution-Api-Version": "registry/2.0",
    "X-Content-Type-Options": "nosniff",
    "Server": f"corral/{__version__}",
}

_STATUS: Final = {
    said.BLOB_UNKNOWN: 404,
    said.UPLOAD_INVALID: 400,
    said.UPLOAD_UNKNOWN: 404,
    said.UPLOAD_BUSY: 409,
    said.UPLOAD_RANGE: 416,
    said.DIGEST_INVALID: 400,
    said.MANIFEST_BLOB_UNKNOWN: 404,
    said.MANIFEST_INVALID: 400,
    said.MANIFEST_LARGE: 413,
    said.MANIFEST_UNKNOWN: 404,
    said.MANIFEST_CHANGED: 412,
    said.NAME_INVALID: 400,
    said.NAME_UNKNOWN: 404,
    said.TAG_INVALID: 400,
    said.SIZE_INVALID: 400,
    said.PAGE_INVALID: 400,
    said.UNAUTHORIZED: 401,
    said.DENIED: 403,
    said.UNSUPPORTED: 405,
    said.REQUEST_INVALID: 400,
    said.NO_SUCH_PAGE: 404,
    said.QUOTA: 413,
    said.TOO_MANY_UPLOADS: 429,
    said.TOO_SLOW: 408,
    said.DISK_FULL: 507,
    said.UPSTREAM: 502,
    said.INTERNAL: 500,
}
_RETRY_AFTER: Final = {said.TOO_MANY_UPLOADS: "10", said.UPSTREAM: "5", said.UPLOAD_BUSY: "1"}


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"", kind: str = "") -> web.Response:
    """``kind`` is the content type of a body."""
    given = {**COMMON, **(headers or {})}
    if kind:
        given["Content-Type"] = kind
    return web.Response(status=status, headers=given, body=body)


def json_answer(value: object, headers: dict[str, str] | None = None, kind: str = "application/json") -> web.Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    return answer(200, headers, body, kind)


def error_answer(error: Exception, headers: dict[str, str] | None = None) -> web.Response:
    """The specification's error body, one error in it."""
    refusal = _refusal(error)
    status = _STATUS[refusal.reason]
    given = dict(headers or {})
    if refusal.reason in _RETRY_AFTER:
        given["Retry-After"] = _RETRY_AFTER[refusal.reason]
    entry: dict[str, str] = {"code": refusal.reason.code, "message": refusal.message}
    if refusal.detail:
        entry["detail"] = refusal.detail
    body = json.dumps({"errors": [entry]}, separators=(",", ":")).encode() + b"\n"
    return answer(status, given, body, "application/json")


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        log.error("no space left: %s", error)
        return Refusal(said.DISK_FULL)
    if isinstance(error, (OSError, CorralError)):
        log.error("%s", error)
    else:
        log.error("internal error", exc_info=error)
    return Refusal(said.INTERNAL)
