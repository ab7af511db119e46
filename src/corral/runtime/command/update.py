"""``update``: other limits for a container that is there."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from corral.errors import Conflict, Invalid
from corral.runtime.command import container
from corral.runtime.command.arguments import NUMBER, TEXT, Flag, Options
from corral.runtime.command.context import Context
from corral.runtime.command.records import CONFIG
from corral.runtime.command.single import the_id

__all__ = ["FLAGS", "USAGE", "asked", "merged", "run"]

FLAGS: Final = (
    Flag("resources r", TEXT, "file with resources as JSON, - for standard input; other flags are then ignored"),
    Flag("blkio-weight", NUMBER, "block I/O weight, 10 to 1000"),
    Flag("cpu-period", NUMBER, "in microseconds"),
    Flag("cpu-quota", NUMBER, "in microseconds of each period"),
    Flag("cpu-burst", NUMBER, "in microseconds"),
    Flag("cpu-share", NUMBER, "weight against other containers, 2 to 262144"),
    Flag("cpu-shares", NUMBER, "the same"),
    Flag("cpu-rt-period", NUMBER, "realtime, in microseconds"),
    Flag("cpu-rt-runtime", NUMBER, "realtime, in microseconds of each period"),
    Flag("cpuset-cpus", TEXT, "processors"),
    Flag("cpuset-mems", TEXT, "memory nodes"),
    Flag("cpu-idle", NUMBER, "1: only when nobody else wants the processor"),
    Flag("memory", TEXT, "bytes, with k, m, g or t; -1 for no limit"),
    Flag("memory-reservation", TEXT, "soft limit"),
    Flag("memory-swap", TEXT, "memory and swap together"),
    Flag("memory-swappiness", NUMBER, "per cent"),
    Flag("kernel-memory", TEXT, "accepted and ignored: kernels do not have it any more"),
    Flag("kernel-memory-tcp", TEXT, "of TCP buffers, version 1"),
    Flag("pids-limit", NUMBER, "processes and threads; -1 for no limit"),
    Flag("l3-cache-schema", TEXT, "Intel RDT, such as L3:0=7f0;1=1f"),
    Flag("mem-bw-schema", TEXT, "Intel RDT, such as MB:0=20;1=70"),
)
USAGE: Final = "[flags] ID"

_PLACES: Final = {
    "blkio-weight": ("blockIO", "weight"),
    "cpu-period": ("cpu", "period"),
    "cpu-quota": ("cpu", "quota"),
    "cpu-burst": ("cpu", "burst"),
    "cpu-share": ("cpu", "shares"),
    "cpu-shares": ("cpu", "shares"),
    "cpu-rt-period": ("cpu", "realtimePeriod"),
    "cpu-rt-runtime": ("cpu", "realtimeRuntime"),
    "cpuset-cpus": ("cpu", "cpus"),
    "cpuset-mems": ("cpu", "mems"),
    "cpu-idle": ("cpu", "idle"),
    "memory": ("memory", "limit"),
    "memory-reservation": ("memory", "reservation"),
    "memory-swap": ("memory", "swap"),
    "memory-swappiness": ("memory", "swappiness"),
    "kernel-memory-tcp": ("memory", "kernelTCP"),
    "pids-limit": ("pids", "limit"),
}
_TEXTS: Final = ("cpuset-cpus", "cpuset-mems")
_UNITS: Final = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def run(context: Context, options: Options) -> int:
    from corral.oci.runtime import Resources

    changes = _from_file(options.text("resources")) if options.has("resources") else asked(options)
    found = container.find(context.root, the_id(options, f"update {USAGE}"), lock=True)
    status = found.status()
    if status == container.STOPPED:
        raise Conflict(f"cannot update a container that is {status}")
    try:
        resources = Resources.from_json(changes)
    except ValueError as error:
        raise Invalid(f"resources: {error}") from error
    for warning in found.cgroup().update(resources):
        context.warning(warning)
    linux: dict[str, Any] = {"resources": changes}
    if options.has("l3-cache-schema") or options.has("mem-bw-schema"):
        from corral.runtime.command import rdt

        linux["intelRdt"] = rdt.update(found, options.text("l3-cache-schema"), options.text("mem-bw-schema"))
    _remember(found, linux)
    return 0


def _from_file(path: str) -> dict[str, Any]:
    """Raises Invalid, OSError."""
    try:
        if path == "-":
            value = json.load(sys.stdin.buffer)
        else:
            with open(path, "rb") as file:
                value = json.load(file)
    except ValueError as error:
        raise Invalid(f"resources: {error}") from error
    if not isinstance(value, dict):
        raise Invalid("resources: not an object")
    return value


def asked(options: Options) -> dict[str, Any]:
    """The flags as the specification's resources. Raises Invalid."""
    resources: dict[str, dict[str, Any]] = {}
    for flag, (controller, name) in _PLACES.items():
        if options.has(flag):
            text = options.text(flag)
            resources.setdefault(controller, {})[name] = text if flag in _TEXTS else _number(flag, text)
    return resources


def _number(flag: str, text: str) -> int:
    digits, unit = text, 1
    if text and text.lower().removesuffix("b")[-1:] in _UNITS:
        digits, unit = text.lower().removesuffix("b")[:-1], _UNITS[text.lower().removesuffix("b")[-1]]
    try:
        return int(digits) * unit
    except ValueError:
        raise Invalid(f"invalid value for {flag}: {text}") from None


def merged(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Objects are merged, everything else is replaced."""
    result = dict(before)
    for name, value in changes.items():
        old = result.get(name)
        result[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _remember(found: container.Container, linux: dict[str, Any]) -> None:
    config = found.directory.config()
    found.directory.write(CONFIG, json.dumps(merged(config, {"linux": linux})).encode())
