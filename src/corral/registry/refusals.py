"""What the server says no with: the error codes of the specification, each with its text.

The code and the text are a contract: docker shows ``CODE in lower case: text`` to its user. ``detail`` names the
object. What becomes of a reason on the wire, the status, is known to `web/answers.py` alone.

Source: OCI distribution-spec 1.1, "Error Codes"; texts are those of the reference registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from corral.errors import CorralError

__all__ = ["Reason", "Refusal"]


@dataclass(frozen=True, slots=True)
class Reason:
    """``word`` tells reasons apart that share a code."""

    code: str
    text: str
    word: str = ""


class Refusal(CorralError):
    """One line for the client; ``detail`` is what it is about."""

    kind = "refused"

    def __init__(self, reason: Reason, detail: str = "", *, text: str = "") -> None:
        super().__init__(text or reason.text, code=reason.code)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message}: {self.detail}" if self.detail else self.message


BLOB_UNKNOWN: Final = Reason("BLOB_UNKNOWN", "blob unknown to registry")
UPLOAD_INVALID: Final = Reason("BLOB_UPLOAD_INVALID", "blob upload invalid")
UPLOAD_UNKNOWN: Final = Reason("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
UPLOAD_BUSY: Final = Reason("BLOB_UPLOAD_INVALID", "blob upload is being written to by another request", "busy")
UPLOAD_RANGE: Final = Reason("BLOB_UPLOAD_INVALID", "chunk does not follow what was uploaded", "range")
DIGEST_INVALID: Final = Reason("DIGEST_INVALID", "provided digest did not match uploaded content")
MANIFEST_BLOB_UNKNOWN: Final = Reason(
    "MANIFEST_BLOB_UNKNOWN", "manifest references a manifest or blob unknown to registry"
)
MANIFEST_INVALID: Final = Reason("MANIFEST_INVALID", "manifest invalid")
MANIFEST_LARGE: Final = Reason("MANIFEST_INVALID", "manifest is larger than the limit", "large")
MANIFEST_UNKNOWN: Final = Reason("MANIFEST_UNKNOWN", "manifest unknown")
MANIFEST_CHANGED: Final = Reason("MANIFEST_INVALID", "the tag does not meet the request's condition", "condition")
NAME_INVALID: Final = Reason("NAME_INVALID", "invalid repository name")
NAME_UNKNOWN: Final = Reason("NAME_UNKNOWN", "repository name not known to registry")
TAG_INVALID: Final = Reason("MANIFEST_INVALID", "invalid tag or digest", "tag")
SIZE_INVALID: Final = Reason("SIZE_INVALID", "provided length did not match content length")
PAGE_INVALID: Final = Reason("UNSUPPORTED", "invalid number of results requested", "page")
UNAUTHORIZED: Final = Reason("UNAUTHORIZED", "authentication required")
DENIED: Final = Reason("DENIED", "requested access to the resource is denied")
UNSUPPORTED: Final = Reason("UNSUPPORTED", "the operation is unsupported")
REQUEST_INVALID: Final = Reason("UNSUPPORTED", "the request cannot be understood", "request")
NO_SUCH_PAGE: Final = Reason("UNSUPPORTED", "no such endpoint", "page not found")
QUOTA: Final = Reason("DENIED", "the registry's quota is used up", "quota")
TOO_MANY_UPLOADS: Final = Reason("TOOMANYREQUESTS", "too many uploads are under way")
TOO_SLOW: Final = Reason("BLOB_UPLOAD_INVALID", "the request's body did not arrive in time", "slow")
DISK_FULL: Final = Reason("DENIED", "no space left on the registry's disk", "disk")
UPSTREAM: Final = Reason("UNAVAILABLE", "the upstream registry does not answer", "upstream")
INTERNAL: Final = Reason("UNKNOWN", "internal error, see the registry's log", "internal")
