"""Faults as errors that users see, in Docker's words.

Of a pull, three answers are explained in terms of the image; everything else is shown as the registry said it.
"""

from __future__ import annotations

from corral.errors import CorralError, Forbidden, Invalid, NotFound, Unauthorized, Unavailable
from corral.image.distribution.registry.credentials import Credentials, scrub
from corral.image.distribution.registry.faults import Fault, Nonsense, Refused, Unauthenticated, Unreachable, Untrusted
from corral.oci.reference import Reference

_UNKNOWN = {"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "BLOB_UPLOAD_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"}


def translate(fault: Fault, reference: Reference | None, credentials: Credentials, *, push: bool) -> CorralError:
    """``code`` of the error is the specification's in lower case, if the registry gave one."""
    text = fault.text
    code = fault.code.lower() if isinstance(fault, Refused) else ""
    explained = reference is not None and not push and isinstance(fault, Refused) and not fault.by_token_server
    if explained and isinstance(fault, Refused) and reference is not None and fault.details:
        text = _explained(fault, reference) or text
    return _kind(fault, denied_is_unknown=bool(explained))(scrub(text, credentials.secrets), code=code or None)


def _explained(fault: Refused, reference: Reference) -> str:
    first = fault.details[0]
    match first.code:
        case "DENIED":
            return (
                f"pull access denied for {reference.familiar_name}, repository does not exist or may require "
                f"'docker login': {first}"
            )
        case "MANIFEST_UNKNOWN":
            return f"manifest for {reference.familiar} not found: {first}"
        case "NAME_UNKNOWN":
            return f"repository {reference.familiar_name} not found: {first}"
    return ""


def _kind(fault: Fault, *, denied_is_unknown: bool) -> type[CorralError]:
    match fault:
        case Unauthenticated():
            return Unauthorized
        case Unreachable() | Untrusted():
            return Unavailable
        case Nonsense():
            return Invalid if not fault.transient else Unavailable
        case Refused():
            return _of_refusal(fault, denied_is_unknown=denied_is_unknown)
    return Unavailable


def _of_refusal(fault: Refused, *, denied_is_unknown: bool) -> type[CorralError]:
    if fault.code == "UNAUTHORIZED" or (not fault.code and fault.status == 401):
        return Unauthorized
    if fault.code == "DENIED":
        return NotFound if denied_is_unknown else Forbidden
    if fault.code in _UNKNOWN or (not fault.code and fault.status == 404):
        return NotFound
    if not fault.code and fault.status == 403:
        return Forbidden
    if fault.status >= 500 or fault.status == 429:
        return Unavailable
    return Invalid
