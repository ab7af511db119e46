"""Lines of a schemata file: ``RESOURCE:DOMAIN=VALUE;DOMAIN=VALUE``, such as ``L3:0=7f0;1=1f`` and ``MB:0=20;1=70``.

Masks of caches are hexadecimal numbers, bandwidths are decimal ones.
"""

from __future__ import annotations

from collections.abc import Iterable

from corral.oci.runtime import IntelRdt

__all__ = ["disagreement", "lines_of"]


def lines_of(rdt: IntelRdt) -> list[str]:
    """What is asked for, in the order in which it has to be written (config-linux.md, "IntelRdt")."""
    return [line for line in (rdt.l3_cache_schema, rdt.mem_bw_schema, *rdt.schemata) if line]


def disagreement(wanted: Iterable[str], text: str) -> str | None:
    """The first ``wanted`` line that ``text``, a schemata file, does not bear out; other domains may be there."""
    found = dict(_parse(line) for line in text.splitlines() if ":" in line)
    for line in wanted:
        resource, domains = _parse(line)
        if not domains.items() <= found.get(resource, {}).items():
            return line
    return None


def _parse(line: str) -> tuple[str, dict[str, int | str]]:
    resource, _, text = line.strip().partition(":")
    domains = {}
    for part in text.strip().split(";"):
        domain, _, value = part.partition("=")
        domains[domain.strip()] = _value(resource, value.strip())
    return resource, domains


def _value(resource: str, text: str) -> int | str:
    try:
        return int(text, 16 if resource.startswith("L") else 10)
    except ValueError:
        return text
