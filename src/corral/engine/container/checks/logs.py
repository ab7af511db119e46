"""Log drivers and their options."""

from __future__ import annotations

from typing import Final

from corral.api.types.host_config import LogConfig
from corral.engine.container import logfile
from corral.errors import Invalid

__all__ = ["check"]

_JSON_FILE: Final = frozenset(
    {"max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size"}
)
_DRIVERS: Final[dict[str, frozenset[str]]] = {
    "": _JSON_FILE,
    "json-file": _JSON_FILE,
    "local": frozenset({"max-file", "max-size", "compress"}),  # the same file: only who reads it is Docker's concern
    "none": frozenset(),
}


def check(given: LogConfig) -> None:
    known = _DRIVERS.get(given.type)
    if known is None:
        raise Invalid(f'error looking up logging plugin {given.type}: plugin "{given.type}" not found')
    for option in given.config or ():
        if option not in known and given.type != "none":
            raise Invalid(f"unknown log opt '{option}' for {given.type or 'json-file'} log driver")
    if given.type != "none":
        logfile.rotation(given.config or {})
