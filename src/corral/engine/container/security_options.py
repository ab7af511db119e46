"""``--security-opt``: its strings parsed once into data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from corral.errors import Invalid

__all__ = ["BUILTIN", "SecurityOptions", "parse"]

BUILTIN: Final = "builtin"
"""The default profile by name, also for who is privileged, and whatever the daemon's own default is."""


@dataclass(frozen=True, slots=True)
class SecurityOptions:
    """``seccomp``: None when nothing is said, BUILTIN, "unconfined", or the JSON text of a profile."""

    no_new_privileges: bool | None = None
    seccomp: str | None = None
    apparmor: str = ""
    labels: tuple[str, ...] = ()
    writable_cgroups: bool = False


def parse(options: Iterable[str]) -> SecurityOptions:
    """Raises Invalid with Docker's words."""
    result = SecurityOptions()
    for option in options:
        if option == "no-new-privileges":
            result = replace(result, no_new_privileges=True)
            continue
        separator = "=" if "=" in option else ":"  # the colon is Docker's older way
        key, found, value = option.partition(separator)
        if not found:
            raise Invalid(f'invalid --security-opt 1: "{option}"')
        match key:
            case "label":
                result = replace(result, labels=(*result.labels, value))
            case "apparmor":
                result = replace(result, apparmor=value)
            case "seccomp":
                result = replace(result, seccomp=value)
            case "no-new-privileges":
                result = replace(result, no_new_privileges=_boolean(option, value))
            case "writable-cgroups":
                result = replace(result, writable_cgroups=_boolean(option, value))
            case _:
                raise Invalid(f'invalid --security-opt 2: "{option}"')
    return result


def _boolean(option: str, value: str) -> bool:
    match value.lower():
        case "1" | "t" | "true":
            return True
        case "0" | "f" | "false":
            return False
    raise Invalid(f'invalid --security-opt 2: "{option}"')
