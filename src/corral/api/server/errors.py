"""The only place where a kind of error becomes an HTTP status."""

from __future__ import annotations

import errno
import logging
import os
from typing import Final

from corral.api.server.http.head import BadRequest
from corral.api.server.http.response import Response
from corral.api.types.common import ErrorResponse
from corral.api.types.wire import encode
from corral.errors import CorralError

__all__ = ["error_message", "error_response", "error_status"]

log = logging.getLogger(__name__)

_STATUS: Final = {
    "invalid": 400,
    "not_found": 404,
    "conflict": 409,
    "not_modified": 304,
    "unauthorized": 401,
    "forbidden": 403,
    "unsupported": 501,
    "unavailable": 503,
    "exhausted": 500,
    "internal": 500,
}

_OF_THE_HOST: Final = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EIO,
    errno.ENOMEM,
    errno.EAGAIN,
    errno.EMFILE,
    errno.ENFILE,
)
"""What it has run out of is no fault of the program."""


def error_status(error: BaseException) -> int:
    if isinstance(error, BadRequest):
        return error.status
    return _STATUS[error.kind] if isinstance(error, CorralError) else 500


def error_message(error: BaseException) -> str:
    """The one line for the user. What is not one of our errors is a fault of the program: its traceback is logged."""
    if isinstance(error, CorralError | BadRequest):
        return error.message
    if isinstance(error, OSError) and error.errno in _OF_THE_HOST:
        words = os.strerror(error.errno).lower()
        return f"{error.filename}: {words}" if error.filename else words
    log.error("internal error", exc_info=error)
    return (
        f"internal error: {type(error).__name__}: {error}" if str(error) else f"internal error: {type(error).__name__}"
    )


def error_response(error: BaseException) -> Response:
    status = error_status(error)
    if status == 304:
        return Response(304)
    body = encode(ErrorResponse(message=error_message(error))) + b"\n"
    return Response(status, body, "application/json")
