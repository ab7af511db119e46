"""``docker search``: what may be asked, and which of the answers were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from corral.api.types.registry import SearchResult
from corral.errors import Invalid

__all__ = ["Wanted", "narrowed", "parse"]

_DEFAULT: Final = 25
_MAXIMUM: Final = 100
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Wanted:
    """``None`` where it does not matter."""

    limit: int = _DEFAULT
    stars: int = 0
    official: bool | None = None
    automated: bool | None = None


def parse(limit: int | None, filters: Mapping[str, Iterable[str]]) -> Wanted:
    """Raises Invalid in Docker's words."""
    if limit is not None and limit and not 1 <= limit <= _MAXIMUM:
        raise Invalid(f"limit {limit} is outside the range of [1, {_MAXIMUM}]")
    for name in filters:
        if name not in ("is-automated", "is-official", "stars"):
            raise Invalid(f"invalid filter '{name}'")
    return Wanted(
        limit or _DEFAULT,
        max((_stars(text) for text in filters.get("stars", ())), default=0),
        _flag("is-official", list(filters.get("is-official", ()))),
        _flag("is-automated", list(filters.get("is-automated", ()))),
    )


def _stars(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Invalid(f"invalid filter 'stars={text}': strconv.Atoi: parsing \"{text}\": invalid syntax") from None


def _flag(name: str, values: list[str]) -> bool | None:
    if not values:
        return None
    found = {_FLAGS.get(value) for value in values}
    if None in found or len(found) > 1:
        raise Invalid(f"invalid filter '{name}=[{' '.join(values)}]'")
    return found.pop()


def narrowed(results: Iterable[SearchResult], wanted: Wanted) -> list[SearchResult]:
    return [
        result
        for result in results
        if result.star_count >= wanted.stars
        and wanted.official in (None, result.is_official)
        and wanted.automated in (None, result.is_automated)
    ]
