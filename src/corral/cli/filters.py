"""--filter: pairs of one flag, given many times, to the API's filters."""

from __future__ import annotations

from collections.abc import Iterable


def group(given: Iterable[str]) -> dict[str, list[str]]:
    """``["status=exited", "status=dead"]`` -> ``{"status": ["exited", "dead"]}``."""
    found: dict[str, list[str]] = {}
    for pair in given:
        name, _, value = pair.partition("=")
        found.setdefault(name, []).append(value)
    return found
