"""-v, --mount and --tmpfs."""

from __future__ import annotations

import os
from collections.abc import Iterable

from corral.cli.errors import UsageError
from corral.cli.kinds import parse_bool
from corral.cli.opts.csv import fields
from corral.cli.units import parse_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    Json = dict[str, object]


def parse_mount(text: str) -> Json:
    """One --mount, as the API's Mount. Raises ValueError."""
    mount: Json = {"Type": "volume"}
    options: dict[str, Json] = {}
    for field in fields(text.strip()):
        key, equals, value = field.partition("=")
        key = key.lower()
        if not equals:
            if key not in ("readonly", "ro", "volume-nocopy", "bind-nonrecursive", "idmap"):
                raise ValueError(f"invalid field '{field}' must be a key=value pair")
            value = "true"
        if not _common(mount, key, value) and not _special(options, key, value):
            raise ValueError(f"unexpected key '{key}' in '{field}'")
    kind = str(mount["Type"])
    if not mount.get("Target"):
        raise ValueError("target is required")
    for family in options:
        if family != kind and family in ("bind", "volume", "tmpfs", "image"):
            raise ValueError(f"cannot mix '{family}-*' options with mount type '{kind}'")
        mount[f"{family.capitalize()}Options"] = options[family]
    source = str(mount.get("Source", ""))
    if kind == "bind" and source.startswith("."):
        mount["Source"] = os.path.abspath(source)
    return mount


def _common(mount: Json, key: str, value: str) -> bool:
    if key == "type":
        mount["Type"] = value.lower()
    elif key in ("source", "src"):
        mount["Source"] = value
    elif key in ("target", "dst", "destination"):
        mount["Target"] = value
    elif key in ("readonly", "ro"):
        mount["ReadOnly"] = _flag(key, value)
    elif key == "consistency":
        mount["Consistency"] = value.lower()
    else:
        return False
    return True


def _flag(key: str, value: str) -> bool:
    try:
        return parse_bool(value)
    except ValueError:
        raise ValueError(f"invalid value for {key}: {value}") from None


def _special(options: dict[str, Json], key: str, value: str) -> bool:
    if key == "idmap":  # Podman's
        options.setdefault("bind", {})["IDMap"] = "idmap" if value == "true" else value
        return True
    family = key.partition("-")[0]
    if family not in ("bind", "volume", "tmpfs", "image"):
        return False
    chosen = options.setdefault(family, {})
    match key:
        case "bind-propagation":
            chosen["Propagation"] = value.lower()
        case "bind-nonrecursive":
            chosen["NonRecursive"] = _flag(key, value)
        case "bind-recursive":
            _recursive(chosen, value)
        case "volume-subpath" | "image-subpath":
            chosen["Subpath"] = value
        case "volume-nocopy":
            chosen["NoCopy"] = _flag(key, value)
        case "volume-label":
            _pair(chosen, "Labels", value)
        case "volume-driver":
            _driver(chosen)["Name"] = value
        case "volume-opt":
            _pair(_driver(chosen), "Options", value)
        case "tmpfs-size":
            try:
                chosen["SizeBytes"] = parse_bytes(value)
            except ValueError:
                raise ValueError(f"invalid value for {key}: {value}") from None
        case "tmpfs-mode":
            try:
                chosen["Mode"] = int(value, 8)
            except ValueError:
                raise ValueError(f"invalid value for {key}: {value}") from None
        case _:
            return False
    return True


def _recursive(chosen: Json, value: str) -> None:
    match value:
        case "enabled":
            pass
        case "disabled":
            chosen["NonRecursive"] = True
        case "writable":
            chosen["ReadOnlyNonRecursive"] = True
        case "readonly":
            chosen["ReadOnlyForceRecursive"] = True
        case _:
            raise ValueError(
                f'invalid value for bind-recursive: {value} (must be "enabled", "disabled", "writable", or "readonly")'
            )


def _driver(chosen: Json) -> Json:
    driver = chosen.setdefault("DriverConfig", {})
    assert isinstance(driver, dict)
    return driver


def _pair(chosen: Json, name: str, value: str) -> None:
    key, _, text = value.partition("=")
    values = chosen.setdefault(name, {})
    assert isinstance(values, dict)
    values[key] = text


def binds(specs: Iterable[str]) -> tuple[list[str], dict[str, dict[str, str]]]:
    """-v: what has a source becomes a bind (relative paths made absolute), the rest an anonymous volume.

    Raises UsageError.
    """
    bound: list[str] = []
    anonymous: dict[str, dict[str, str]] = {}
    for spec in specs:
        source, colon, rest = spec.partition(":")
        if len(spec) > 2 and colon:
            if spec.count(":") > 2:
                raise UsageError(f"invalid spec: {spec}: too many colons", usage=False)
            if "" in spec.split(":"):
                raise UsageError(f"invalid spec: {spec}: empty section between colons", usage=False)
        if not colon:
            anonymous[spec] = {}
        elif source in (".", "..") or source.startswith(("./", "../")):
            bound.append(f"{os.path.abspath(source)}:{rest}")
        else:
            bound.append(spec)
    return bound, anonymous


def tmpfs(specs: Iterable[str]) -> dict[str, str]:
    """``/run:size=1m`` -> ``{"/run": "size=1m"}``."""
    return {target: options for target, _, options in (spec.partition(":") for spec in specs)}
