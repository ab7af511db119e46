"""What is in a specification's file, and whether it may be: fields that nobody knows make it invalid, as in Docker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from corral.engine.cdi.names import is_class, is_device, is_vendor

__all__ = ["ContainerEdits", "Device", "DeviceNode", "Hook", "IntelRdt", "Mount", "NetDevice", "SpecFile", "decode"]

HOOKS: Final = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
_VERSIONS: Final = ("0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0")
_ANNOTATION_KEY: Final = re.compile(
    r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?", re.ASCII
)


class _Part(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Names in camel case."""


class DeviceNode(_Part, frozen=True):
    """What is left out is taken from the host's node at ``host_path``, or at ``path``. ``permissions``: "rwm"."""

    path: str
    host_path: str = ""
    type: str = ""
    major: int = 0
    minor: int = 0
    file_mode: int | None = None
    permissions: str = ""
    uid: int | None = None
    gid: int | None = None


class NetDevice(_Part, frozen=True):
    host_interface_name: str
    name: str = ""


class Mount(_Part, frozen=True):
    host_path: str
    container_path: str
    options: list[str] | None = None
    type: str = ""


class Hook(_Part, frozen=True):
    """``timeout`` in seconds."""

    hook_name: str
    path: str
    args: list[str] | None = None
    env: list[str] | None = None
    timeout: int | None = None


class IntelRdt(_Part, frozen=True):
    clos_id: str = msgspec.field(default="", name="closID")
    l3_cache_schema: str = ""
    mem_bw_schema: str = ""
    schemata: list[str] | None = None
    enable_monitoring: bool = False
    enable_cmt: bool = msgspec.field(default=False, name="enableCMT")
    enable_mbm: bool = msgspec.field(default=False, name="enableMBM")


class ContainerEdits(_Part, frozen=True):
    env: list[str] | None = None
    device_nodes: list[DeviceNode] | None = None
    net_devices: list[NetDevice] | None = None
    hooks: list[Hook] | None = None
    mounts: list[Mount] | None = None
    intel_rdt: IntelRdt | None = None
    additional_gids: list[int] | None = None


_NO_EDITS: Final = ContainerEdits()


class Device(_Part, frozen=True):
    name: str
    annotations: dict[str, str] | None = None
    container_edits: ContainerEdits = _NO_EDITS


class SpecFile(_Part, frozen=True):
    """``kind``: vendor/class. ``container_edits`` are made once, however many of its devices are asked for."""

    cdi_version: str
    kind: str
    devices: list[Device]
    annotations: dict[str, str] | None = None
    container_edits: ContainerEdits = _NO_EDITS


def decode(content: Any) -> SpecFile:
    """Out of what JSON or YAML was. Raises ValueError saying what is wrong and where."""
    try:
        spec = msgspec.convert(_without_nulls(content), SpecFile)
    except msgspec.ValidationError as error:
        raise ValueError(f"failed to unmarshal CDI Spec: {error}") from None
    _check(spec)
    return spec


def _without_nulls(value: Any) -> Any:
    """Go leaves a field alone that is null."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _check(spec: SpecFile) -> None:
    vendor, _, class_ = spec.kind.partition("/")
    if spec.cdi_version.removeprefix("v") not in _VERSIONS:
        raise ValueError(f'invalid version "{spec.cdi_version}"')
    if not is_vendor(vendor):
        raise ValueError(f'invalid vendor "{vendor}"')
    if not is_class(class_):
        raise ValueError(f'invalid class "{class_}"')
    _check_annotations(spec.kind, spec.annotations)
    _check_edits(spec.container_edits)
    if not spec.devices:
        raise ValueError("invalid spec, no devices")
    names = set()
    for device in spec.devices:
        if not is_device(device.name):
            raise ValueError(f'invalid device name "{device.name}"')
        if device.name in names:
            raise ValueError(f'invalid spec, multiple device "{device.name}"')
        names.add(device.name)
        _check_annotations(f"{spec.kind}={device.name}", device.annotations)
        if device.container_edits == _NO_EDITS:
            raise ValueError(f'invalid device "{device.name}", empty device edits')
        try:
            _check_edits(device.container_edits)
        except ValueError as error:
            raise ValueError(f'invalid device "{device.name}": {error}') from None
    least = _VERSIONS.index(least_version(spec))
    if _VERSIONS.index(spec.cdi_version.removeprefix("v")) < least:
        raise ValueError(f"the spec version must be at least v{_VERSIONS[least]}")


def _check_annotations(owner: str, annotations: dict[str, str] | None) -> None:
    for key in annotations or ():
        if not _ANNOTATION_KEY.fullmatch(key.lower()):
            raise ValueError(f'{owner}: invalid annotation key "{key}"')


def _check_edits(edits: ContainerEdits) -> None:
    for pair in edits.env or ():
        if pair.find("=") <= 0:
            raise ValueError(f'invalid environment variable "{pair}"')
    for node in edits.device_nodes or ():
        if not node.path:
            raise ValueError("invalid (empty) device path")
        if node.type not in ("", "b", "c", "u", "p"):
            raise ValueError(f'device "{node.path}": invalid type "{node.type}"')
        if set(node.permissions) - set("rwm"):
            raise ValueError(f'device "{node.path}": invalid permissions "{node.permissions}"')
        numbers = (node.major, node.minor, node.file_mode, node.uid, node.gid)
        if any(number is not None and not 0 <= number < 1 << 32 for number in numbers):
            raise ValueError(f'device "{node.path}": number out of range')
    for hook in edits.hooks or ():
        if hook.hook_name not in HOOKS:
            raise ValueError(f'invalid hook name "{hook.hook_name}"')
        if not hook.path:
            raise ValueError(f'invalid hook "{hook.hook_name}" with empty path')
    for mount in edits.mounts or ():
        if not mount.host_path:
            raise ValueError("invalid mount, empty host path")
        if not mount.container_path:
            raise ValueError("invalid mount, empty container path")
    for device in edits.net_devices or ():
        if not device.host_interface_name or not device.name:
            raise ValueError("invalid linux net device, empty HostInterfaceName or Name")
    if edits.intel_rdt is not None:
        name = edits.intel_rdt.clos_id
        if len(name) >= 4096 or name in (".", "..") or "/" in name or "\n" in name:
            raise ValueError("invalid ClosID")
    if any(not 0 <= gid < 1 << 32 for gid in edits.additional_gids or ()):
        raise ValueError("invalid additional GID")


def least_version(spec: SpecFile) -> str:
    """The first version of the specification that has all that is used in ``spec``."""
    edits = list(_edits(spec))
    if any(one.net_devices for one in edits):
        return "1.1.0"
    if any(rdt.schemata or rdt.enable_monitoring for one in edits if (rdt := one.intel_rdt) is not None):
        return "1.1.0"
    if any(one.intel_rdt is not None or one.additional_gids for one in edits):
        return "0.7.0"
    if spec.annotations or any(device.annotations for device in spec.devices) or "." in spec.kind.partition("/")[2]:
        return "0.6.0"
    named_by_number = any(not device.name[0].isalpha() for device in spec.devices)
    if named_by_number or any(node.host_path for one in edits for node in one.device_nodes or ()):
        return "0.5.0"
    if any(mount.type for one in edits for mount in one.mounts or ()):
        return "0.4.0"
    return "0.3.0"


def _edits(spec: SpecFile) -> Iterator[ContainerEdits]:
    yield spec.container_edits
    for device in spec.devices:
        yield device.container_edits
