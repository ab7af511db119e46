"""--device, --device-cgroup-rule, --gpus."""

from __future__ import annotations

import re
from collections.abc import Iterable

from corral.cli.errors import UsageError
from corral.cli.opts.csv import pairs
from corral.cli.opts.env import mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    Json = dict[str, object]

_RULE = r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}"
_KIND = r"[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?"
_CDI = _KIND + "/" + _KIND + r"=[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?"


def parse_cgroup_rule(text: str) -> str:
    """``c 1:3 rwm``. Raises ValueError."""
    if not re.fullmatch(_RULE, text):
        raise ValueError(f"invalid device cgroup format '{text}'")
    return text


def _is_mode(text: str) -> bool:
    return bool(text) and set(text) <= set("rwm") and len(set(text)) == len(text)


def devices(specs: Iterable[str]) -> tuple[list[Json], list[Json]]:
    """``(Devices, DeviceRequests)``: paths, and CDI names such as ``vendor.com/class=name``. Raises UsageError."""
    plain: list[Json] = []
    named: list[str] = []
    for spec in specs:
        if re.fullmatch(_CDI, spec):
            named.append(spec)
            continue
        parts = spec.split(":")
        if len(parts) > 3 or not parts[0]:
            raise UsageError(f"bad format for path: {spec}", usage=False)
        outer, inner, mode = parts[0], parts[0], "rwm"
        if len(parts) == 2:
            if _is_mode(parts[1]):
                mode = parts[1]
            else:
                inner = parts[1]
        elif len(parts) == 3:
            inner, mode = parts[1], parts[2]
            if not _is_mode(mode):
                raise UsageError(f"bad mode specified: {mode}", usage=False)
        if not inner.startswith("/"):
            raise UsageError(f"{inner} is not an absolute path", usage=False)
        plain.append({"PathOnHost": outer, "PathInContainer": inner, "CgroupPermissions": mode})
    return plain, [{"Driver": "cdi", "DeviceIDs": named}] if named else []


def parse_gpus(text: str) -> Json:
    """``all``, ``2``, ``device=0,driver=nvidia,capabilities=utility,options=a=b``. Raises ValueError."""
    request: Json = {}
    capabilities: list[str] = []
    for key, value in pairs(text):
        if value is None:
            if "Count" in request:
                raise ValueError(f"gpu request key 'count' can be specified only once: {key}")
            request["Count"] = _count(key)
        elif key == "count":
            request["Count"] = _count(value)
        elif key == "driver":
            request["Driver"] = value
        elif key == "device":
            request["DeviceIDs"] = value.split(",")
        elif key == "capabilities":
            capabilities = value.split(",")
        elif key == "options":
            request["Options"] = mapping(value.split(","))
        else:
            raise ValueError(f"unexpected key '{key}' in '{key}={value}'")
    if "Count" not in request and "DeviceIDs" not in request:
        request["Count"] = 1
    request["Capabilities"] = [[*capabilities, "gpu"]]
    return request


def _count(text: str) -> int:
    if text == "all":
        return -1
    if not text.lstrip("-").isdigit():
        raise ValueError(f'invalid count ({text}): value must be either "all" or an integer')
    return int(text)
