"""Error kinds: what went wrong, in the caller's terms. The transport edge alone turns them into HTTP statuses.

::

    CorralError
    ├── Invalid            the request cannot be right, whatever the state is
    ├── NotFound           the named object does not exist
    ├── Conflict           the object's state, or another object, forbids it
    ├── NotModified        it is already so
    ├── Unauthorized       credentials are missing or wrong
    ├── Forbidden          known, and not allowed
    ├── Unsupported        a real feature that this build or this kernel does not have
    ├── Unavailable        a part that is needed does not answer; trying again may help
    ├── Exhausted          a limit was reached (addresses, disk, quota)
    └── Internal           a fault of ours or of the machine

Messages are lower case without a full stop and name the object and the path, except where Docker's own wording
is part of the contract. ``code`` is a stable word for programs (``no_such_container``, ``port_in_use``, ...).
"""

from __future__ import annotations

__all__ = [
    "Conflict",
    "CorralError",
    "Exhausted",
    "Forbidden",
    "Internal",
    "Invalid",
    "NotFound",
    "NotModified",
    "Unauthorized",
    "Unavailable",
    "Unsupported",
]


class CorralError(Exception):
    """Base of every error that may cross a room's boundary; ``str(error)`` is the one line a user reads."""

    kind = "internal"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.kind

    def __str__(self) -> str:
        return self.message


class Invalid(CorralError):
    kind = "invalid"


class NotFound(CorralError):
    kind = "not_found"


class Conflict(CorralError):
    kind = "conflict"


class NotModified(CorralError):
    kind = "not_modified"


class Unauthorized(CorralError):
    kind = "unauthorized"


class Forbidden(CorralError):
    kind = "forbidden"


class Unsupported(CorralError):
    kind = "unsupported"


class Unavailable(CorralError):
    kind = "unavailable"


class Exhausted(CorralError):
    kind = "exhausted"


class Internal(CorralError):
    kind = "internal"
