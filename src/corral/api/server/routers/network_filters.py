"""The filters of a network list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from corral.api.server.query import Filters
from corral.api.types.network import NetworkInspect
from corral.errors import Invalid

__all__ = ["select"]

_BUILTIN: Final = frozenset(("bridge", "host", "none"))
_TRUE: Final = ("1", "t", "T", "true", "True", "TRUE")
_FALSE: Final = ("0", "f", "F", "false", "False", "FALSE")


def select(networks: list[NetworkInspect], filters: Filters) -> list[NetworkInspect]:
    """Those that match one value of each filter, and every label. Raises Invalid."""
    for name, values in filters.items():
        test = _TESTS.get(name)
        if test is None:
            raise Invalid(f"invalid filter '{name}'")
        matches = all if name == "label" else any
        networks = [network for network in networks if matches(test(network, value) for value in values)]
    return networks


def _pattern(text: str, value: str) -> bool:
    """A part of the name, or a regular expression."""
    try:
        return value in text or re.search(value, text) is not None
    except re.error:
        return False


def _type(network: NetworkInspect, value: str) -> bool:
    if value not in ("builtin", "custom"):
        raise Invalid(f"invalid filter: 'type'='{value}'")
    return (network.name in _BUILTIN) == (value == "builtin")


def _dangling(network: NetworkInspect, value: str) -> bool:
    """A network of the user that nobody is on."""
    if value not in _TRUE + _FALSE:
        raise Invalid(f"invalid filter 'dangling={value}'")
    return (network.name not in _BUILTIN and not network.containers) == (value in _TRUE)


def _label(network: NetworkInspect, value: str) -> bool:
    key, equals, wanted = value.partition("=")
    labels = network.labels or {}
    return key in labels and (not equals or labels[key] == wanted)


_TESTS: Final[Mapping[str, Callable[[NetworkInspect, str], bool]]] = {
    "dangling": _dangling,
    "driver": lambda network, value: network.driver == value,
    "id": lambda network, value: _pattern(network.id, value),
    "label": _label,
    "name": lambda network, value: _pattern(network.name, value),
    "scope": lambda network, value: network.scope == value,
    "type": _type,
}
