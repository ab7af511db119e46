"""Faults as errors that users see, in Docker's words.

Of a pull, three answers are explained in terms of the image; everything else is shown as the registry said it. Docker
explains them only where the registry adds details of its own; here it is always done.
"""

from __future__ import annotations

from typing import Final

from corral.errors import CorralError, Forbidden, Invalid, NotFound, Unauthorized, Unavailable
from corral.image.distribution.registry.credentials import Credentials, scrub
from corral.image.distribution.registry.faults import Fault, Nonsense, Refused, Unauthenticated
from corral.oci.reference import Reference

_UNKNOWN: Final = frozenset(
    {"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "BLOB_UPLOAD_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"}
)


def translate(
    fault: Fault, reference: Reference | None, credentials: Credentials, *, bare: bool = False
) -> CorralError:
    """``reference``: in whose terms it is explained. ``bare``: a failure to be let in is told without the request, as
    in a push. ``code`` of the error is the specification's in lower case, if the registry gave one."""
    secrets = credentials.secrets
    text = fault.bare if bare else fault.text
    if isinstance(fault, Unauthenticated):
        # no 401, with which clients ask for a name and a password by themselves: dockerd does not either
        return Unavailable(scrub(text, secrets), code="no_credentials")
    if not isinstance(fault, Refused):
        return (Invalid if isinstance(fault, Nonsense) else Unavailable)(scrub(text, secrets))
    code = fault.code.lower() or None
    if reference is not None and fault.details and not fault.by_token_server:
        if explained := _explained(fault, reference):
            return NotFound(scrub(explained, secrets), code=code)
    return _of_refusal(fault)(scrub(text, secrets), code=code)


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


def _of_refusal(fault: Refused) -> type[CorralError]:
    if fault.code == "UNAUTHORIZED" or (not fault.code and fault.status == 401):
        return Unauthorized
    if fault.code == "DENIED" or (not fault.code and fault.status == 403):
        return Forbidden
    if fault.code in _UNKNOWN or (not fault.code and fault.status == 404):
        return NotFound
    return Unavailable if fault.status >= 500 or fault.transient else Invalid
