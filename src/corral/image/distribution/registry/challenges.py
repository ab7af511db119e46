"""The ``WWW-Authenticate`` header: what a server wants to see before it answers.

One header may hold several challenges and a challenge several parameters, both separated by commas::

    Bearer realm="https://auth.example/token",service="registry.example",scope="a:b:pull,push", Basic realm="x"

A comma is followed either by ``name=`` (a parameter) or by a scheme. Source: RFC 9110 section 11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - a grammar
_SCHEME: Final = re.compile(rf"[\s,]*({_TOKEN})(?=[\s,]|$)")
_PARAMETER: Final = re.compile(rf'[\s,]*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_TOKEN68: Final = re.compile(r"\s+[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))")
_ESCAPE: Final = re.compile(r"\\(.)")
_LONGEST: Final = 8192
_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class Challenge:
    """``scheme`` and the names of parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """All of them in their order. Reading of a header stops where it cannot be understood; what came before counts."""
    found: list[Challenge] = []
    for header in headers:
        found.extend(_parse(header[:_LONGEST]))
    return tuple(found[:_MOST])


def _parse(header: str) -> list[Challenge]:
    found: list[Challenge] = []
    position = 0
    while match := _SCHEME.match(header, position):
        scheme = match[1].lower()
        position = match.end()
        parameters: dict[str, str] = {}
        if token := _TOKEN68.match(header, position):
            if not _PARAMETER.match(header, position):
                position = token.end()
        while parameter := _PARAMETER.match(header, position):
            quoted, bare = parameter[2], parameter[3]
            parameters.setdefault(parameter[1].lower(), _ESCAPE.sub(r"\1", quoted) if quoted is not None else bare)
            position = parameter.end()
        found.append(Challenge(scheme, parameters))
    return found
