"""Properties of a scope that the description's annotations ask for: ``org.systemd.property.NAME`` with a GVariant.

As runc (docs/systemd-properties.md) and crun have them; a time ``...Sec`` becomes ``...USec``: D-Bus has no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from corral.errors import Invalid
from corral.runtime.cgroups.systemd.variant import parse
from corral.runtime.cgroups.systemd.words import Property

__all__ = ["of_annotations"]

_PREFIX: Final = "org.systemd.property."
_NAME: Final = re.compile(r"[a-zA-Z]{3,}")
_SECONDS: Final = re.compile(r".*[a-z]Sec")
_INTEGERS: Final = "nqiuxt"


def of_annotations(annotations: Mapping[str, str]) -> list[Property]:
    """Raises Invalid."""
    return [_property(key, text) for key, text in annotations.items() if key.startswith(_PREFIX)]


def _property(key: str, text: str) -> Property:
    name = key.removeprefix(_PREFIX)
    if not _NAME.fullmatch(name):
        raise Invalid(f"annotation {key}={text} name incorrect: {name!r} is no name of a property")
    try:
        type, value = parse(text)
    except ValueError as error:
        raise Invalid(f"annotation {key}={text} value parse error: {error}") from error
    if not _SECONDS.fullmatch(name):
        return name, (type, value)
    if type not in _INTEGERS or not isinstance(value, int) or value < 0:
        raise Invalid(f"annotation {key}={text} value parse error: not a number of seconds")
    return f"{name.removesuffix('Sec')}USec", ("t", value * 1_000_000)
