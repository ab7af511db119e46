"""``slice:prefix:name``, as OCI runtimes and Docker write the place of a container under systemd, and what comes of it.

::

    machine-db.slice:corral:0a1b  ->  unit corral-0a1b.scope in slice machine-db.slice
                                      /machine.slice/machine-db.slice/corral-0a1b.scope
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid

__all__ = ["DEFAULT_SLICE", "UnitName", "is_slice", "is_unit_name", "parse", "resolve", "slice_path"]

DEFAULT_SLICE: Final = "system.slice"
_ROOT: Final = "-.slice"
_SUFFIX: Final = ".slice"


@dataclass(frozen=True, slots=True)
class UnitName:
    """``unit``: a scope, or a slice when the place names one; ``path``: below the root of each hierarchy."""

    slice: str
    unit: str
    path: str


def is_unit_name(text: str) -> bool:
    return not text.startswith("/") and text.count(":") == 2


def parse(text: str) -> UnitName:
    """Raises Invalid."""
    fields = text.split(":")
    if len(fields) != 3:
        raise Invalid(
            f'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "{text}" instead'
        )
    parent, prefix, name = fields
    if not name or "/" in name or "/" in prefix:
        raise Invalid(f'invalid name of a systemd unit: "{text}"')
    parent = parent or DEFAULT_SLICE
    unit = name if name.endswith(_SUFFIX) else f"{prefix}-{name}.scope" if prefix else f"{name}.scope"
    return UnitName(parent, unit, f"{slice_path(parent).rstrip('/')}/{unit}")


def resolve(text: str) -> str:
    """The path of a place, whichever way it is written."""
    return parse(text).path if is_unit_name(text) else text


def is_slice(name: str) -> bool:
    try:
        slice_path(name)
    except Invalid:
        return False
    return True


def slice_path(name: str) -> str:
    """A dash in the name of a slice stands for nesting (systemd.slice(5)). Raises Invalid."""
    if name == _ROOT:
        return "/"
    stem = name.removesuffix(_SUFFIX)
    if not name.endswith(_SUFFIX) or not stem or "/" in stem or "" in stem.split("-"):
        raise Invalid(f'invalid slice name: "{name}"')
    parts = stem.split("-")
    return "".join(f"/{'-'.join(parts[: index + 1])}{_SUFFIX}" for index in range(len(parts)))
