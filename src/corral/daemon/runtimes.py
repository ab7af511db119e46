"""The names that ``--runtime`` may give: ours, the programs that the configuration names, and those found in PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any, Final

from corral.errors import Invalid
from corral.runtime.driver import RuntimeBinary

__all__ = ["NATIVE", "known_runtimes", "parse_runtimes"]

NATIVE: Final = "corral"
_STOCK: Final = (NATIVE, "io.containerd.runc.v2")
"""Names of our own runtime; the second is what Docker's clients call the engine's default explicitly."""
_FOUND: Final = ("runc", "crun")
_SHIM: Final = "io.containerd.runc.v2"
"""The one runtimeType that is a program with options rather than a program of another kind."""


def known_runtimes(configured: Mapping[str, RuntimeBinary], default: str) -> dict[str, RuntimeBinary | None]:
    """By name; None for our own. Raises Invalid with dockerd's words when ``default`` is none of them."""
    runtimes: dict[str, RuntimeBinary | None] = dict.fromkeys(_STOCK)
    runtimes |= {name: RuntimeBinary(name) for name in _FOUND if shutil.which(name, path=_path()) is not None}
    runtimes |= configured
    if default not in runtimes:
        raise Invalid(f"specified default runtime '{default}' does not exist")
    return runtimes


def parse_runtimes(content: Mapping[str, Any]) -> dict[str, RuntimeBinary]:
    """``runtimes`` of daemon.json: by name ``path`` and ``runtimeArgs``, or ``runtimeType`` and ``options``.

    Raises Invalid with dockerd's words, TypeError for what is no such object.
    """
    return {name: _one(name, dict(entry)) for name, entry in content.items()}


def _one(name: str, entry: dict[str, Any]) -> RuntimeBinary:
    path, kind = entry.get("path") or "", entry.get("runtimeType") or ""
    arguments, options = entry.get("runtimeArgs") or [], entry.get("options") or {}
    if not isinstance(path, str) or not isinstance(kind, str) or not isinstance(options, dict):
        raise TypeError(f"runtime {name}: wrong type")
    if not isinstance(arguments, list) or not all(isinstance(argument, str) for argument in arguments):
        raise TypeError(f"runtime {name}: wrong type")
    if not path and not kind:
        raise Invalid(f"runtime {name}: either a runtimeType or a path must be configured")
    if path and kind:
        raise Invalid(f"runtime {name}: cannot configure both path and runtimeType for the same runtime")
    if path and options:
        raise Invalid(f"runtime {name}: options cannot be used with a path runtime")
    if kind and arguments:
        raise Invalid(f"runtime {name}: args cannot be used with a runtimeType runtime")
    if kind and (kind != _SHIM or not isinstance(options.get("BinaryName"), str)):
        raise Invalid(f"runtime {name}: only runtimeType {_SHIM} with the option BinaryName is supported")
    return RuntimeBinary(path or options["BinaryName"], tuple(arguments))


def _path() -> str:
    return os.environ.get("PATH", os.defpath)
