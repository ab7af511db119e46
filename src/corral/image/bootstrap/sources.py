"""The machine's apt sources, and which of them a new Debian of some suite is made from.

Source: sources.list(5), both the one-line and the deb822 format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

_ONE_LINE: Final = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)")
_SUFFIXES: Final = ("", "-updates", "-security")
_ROLLING: Final = frozenset({"sid", "unstable", "experimental"})
_COMPONENT: Final = "main"


@dataclass(frozen=True, slots=True)
class Source:
    """One suite of one archive."""

    uri: str
    suite: str
    components: tuple[str, ...]

    @property
    def line(self) -> str:
        return f"deb {self.uri} {self.suite} {' '.join(self.components)}"


def parse(text: str) -> list[Source]:
    """The binary sources of one file of either format; what is switched off or malformed is left out."""
    if re.search(r"^Types\s*:", text, re.MULTILINE | re.IGNORECASE):
        return [source for stanza in re.split(r"\n\s*\n", text) for source in _stanza(stanza)]
    sources = []
    for line in text.splitlines():
        if match := _ONE_LINE.fullmatch(line.partition("#")[0].strip()):
            sources.append(Source(match[1], match[2], tuple(match[3].split())))
    return sources


def _stanza(text: str) -> Iterator[Source]:
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and name:
            fields[name] += " " + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false", "0"):
        return
    components = tuple(fields.get("components", "").split())
    for uri in fields.get("uris", "").split():
        for suite in fields.get("suites", "").split():
            yield Source(uri, suite, components)


def choose(sources: Iterable[Source], suite: str) -> list[Source]:
    """Sources for a new system of ``suite``: the machine's own, or its archives with the suite put in.

    Empty when the machine has no Debian source; then the tool's default is the best there is.
    """
    debian = [source for source in sources if _is_debian(source)]
    exact = [source for source in debian if source.suite in {suite + suffix for suffix in _SUFFIXES}]
    if not any(source.suite == suite for source in exact):
        exact = [
            replace(source, suite=suite + suffix)
            for source in debian
            for base, suffix in [_split(source.suite)]
            if base == _base(debian) and (not suffix or suite not in _ROLLING)
        ]
    chosen = (replace(source, components=(_COMPONENT,)) for source in exact)
    return list(dict.fromkeys(chosen))


def _is_debian(source: Source) -> bool:
    """Debian's own archive or a mirror of it: others use the same suite names for repositories of their own."""
    directory = source.uri.rstrip("/").rpartition("/")[2]
    return _COMPONENT in source.components and directory in ("debian", "debian-security")


def _base(debian: list[Source]) -> str:
    """The suite that the machine itself is made of."""
    return next((source.suite for source in debian if not _split(source.suite)[1]), "")


def _split(suite: str) -> tuple[str, str]:
    for suffix in _SUFFIXES[1:]:
        if suite.endswith(suffix):
            return suite.removesuffix(suffix), suffix
    return suite, ""
