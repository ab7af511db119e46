"""Request bodies that are JSON."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from corral.api.server.http.request import Request
from corral.api.types.wire import ValidationError, decode
from corral.errors import Invalid

__all__ = ["read_json", "read_nullable_json", "read_optional_json"]

T = TypeVar("T")


async def read_json(request: Request, wanted: type[T]) -> T:
    """Raises Invalid: no JSON, wrong types (the message names the field), or another content type."""
    _check_type(request)
    body = await request.read()
    if not body:
        raise Invalid("invalid JSON: got EOF while reading request body")
    return _decode(body, wanted)


async def read_optional_json(request: Request, wanted: type[T]) -> T:
    """As `read_json`, but no body at all is an empty object."""
    if request.head.length == 0:
        return wanted()
    body = await request.read()
    if not body:
        return wanted()
    _check_type(request)
    return _decode(body, wanted)


async def read_nullable_json(request: Request, wanted: type[T]) -> T | None:
    """As `read_json`, but no body at all, or ``null``, is None."""
    if request.head.length == 0:
        return None
    body = await request.read()
    if not body.strip():
        return None
    _check_type(request)
    return None if body.strip() == b"null" else _decode(body, wanted)


def _check_type(request: Request) -> None:
    given = request.headers.get("content-type", "")
    kind = given.partition(";")[0].strip().lower()
    if kind != "application/json" and (kind or request.head.length > 0):
        raise Invalid(f"unsupported Content-Type header ({given}): must be 'application/json'")


def _decode(body: bytes, wanted: type[T]) -> T:
    try:
        return decode(body, wanted)
    except ValidationError as error:
        raise Invalid(f"invalid JSON: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"invalid JSON: {error}") from None
    except RecursionError:
        raise Invalid("invalid JSON: nested too deeply") from None
