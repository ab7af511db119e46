"""config.md: Mounts. Every option is valid: one that is not known is the file system's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from corral.runtime.validation.shapes import UINT32, items, number, record, text, within

__all__ = ["ID_MAPPINGS", "MOUNTS"]

_MAPPING: Final = record(
    "config-linux.md#user-namespace-mappings",
    {"containerID": number(UINT32), "hostID": number(UINT32), "size": number(UINT32)},
    {},
)
ID_MAPPINGS: Final = within("config-linux.md#user-namespace-mappings", items(_MAPPING))


def _rules(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    options = cast(list[str], value.get("options") or [])
    if not value["destination"]:
        yield "destination", "is REQUIRED"
    if not value.get("source") and ("bind" in options or "rbind" in options):
        yield "source", "is REQUIRED for a bind mount"
    for name, other in (("uidMappings", "gidMappings"), ("gidMappings", "uidMappings")):
        if value.get(name) and not value.get(other):
            yield name, f"MUST be specified along with {other}"


MOUNTS: Final = items(
    record(
        "config.md#mounts",
        {"destination": text},
        {
            "source": text,
            "type": text,
            "options": items(text),
            "uidMappings": ID_MAPPINGS,
            "gidMappings": ID_MAPPINGS,
        },
        _rules,
    )
)
