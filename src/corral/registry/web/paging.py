"""``n`` and ``last``, and the Link that leads on.

Source: OCI distribution-spec 1.1, "Listing Tags"; RFC 8288.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from corral.registry.refusals import PAGE_INVALID, Refusal
from corral.registry.web.bodies import Query

__all__ = ["limit_of", "next_link"]

_MAXIMUM: Final = 10_000


def limit_of(query: Query) -> int | None:
    """How many are asked for; None: all. Raises Refusal."""
    if not query.has("n"):
        return None
    text = query.get("n")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Refusal(PAGE_INVALID, "n must be a number")
    return min(int(text), _MAXIMUM)


def next_link(path: str, parameters: dict[str, str | int]) -> dict[str, str]:
    return {"Link": f'<{path}?{urlencode(parameters)}>; rel="next"'}
