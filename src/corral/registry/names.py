"""The grammar of repository names, tags and digests: what passes here may become part of a path or a query.

Source: OCI distribution-spec 1.1, "Pulling manifests"; 255 is the limit of the clients for registry and name.
"""

from __future__ import annotations

import re
from typing import Final

from corral.errors import Invalid
from corral.oci.digest import Digest, parse_digest
from corral.registry.refusals import DIGEST_INVALID, NAME_INVALID, TAG_INVALID, Refusal

__all__ = ["check_digest", "check_repository", "check_tag", "digest_or_tag", "is_repository"]

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)
_NAME_MAXIMUM: Final = 255
_SHOWN: Final = 80
"""Characters of a client's text that are repeated to it."""


def is_repository(name: str) -> bool:
    return len(name) <= _NAME_MAXIMUM and _REPOSITORY.fullmatch(name) is not None


def check_repository(name: str) -> str:
    """Raises Refusal."""
    if not is_repository(name):
        raise Refusal(NAME_INVALID, clipped(name))
    return name


def check_tag(tag: str) -> str:
    """Raises Refusal."""
    if not _TAG.fullmatch(tag):
        raise Refusal(TAG_INVALID, clipped(tag))
    return tag


def check_digest(text: str) -> Digest:
    """Raises Refusal, with the reason why it is none."""
    try:
        return parse_digest(text)
    except Invalid as error:
        raise Refusal(DIGEST_INVALID, clipped(text), text=error.message) from None


def digest_or_tag(text: str) -> tuple[Digest | None, str]:
    """One of the two; the other is None or empty. Raises Refusal."""
    return (check_digest(text), "") if ":" in text else (None, check_tag(text))


def clipped(text: str) -> str:
    return ascii(text[:_SHOWN])[1:-1] + ("..." if len(text) > _SHOWN else "")
