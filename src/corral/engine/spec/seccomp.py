"""System call filters for containers: the engine's default profile, or one that the user brought."""

from __future__ import annotations

from corral.runtime.security.seccomp.cache import FilterCache
from corral.runtime.security.seccomp.default import DEFAULT
from corral.runtime.security.seccomp.profile import Profile, parse

__all__ = ["SeccompFilters"]


class SeccompFilters:
    """Satisfies `container.context.Filters`."""

    def __init__(self, cache: FilterCache) -> None:
        self._cache = cache
        self._parsed: dict[str, Profile] = {}

    def annotations(self, profile: str | None, capabilities: tuple[str, ...]) -> dict[str, str]:
        """``profile``: the text of one, None for the default. Empty where this machine's calls are not known.

        Raises Invalid for a malformed profile.
        """
        if profile is None:
            return self._cache.get(DEFAULT, capabilities).annotations if self._cache.native else {}
        parsed = self._parsed.get(profile)
        if parsed is None:
            parsed = self._parsed[profile] = parse(profile)
        return self._cache.get(parsed, capabilities).annotations
