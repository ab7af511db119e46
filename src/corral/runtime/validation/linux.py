"""config-linux.md, but for what the control groups are told and seccomp."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from corral.linux import mempolicy, personality
from corral.runtime.validation.mounts import ID_MAPPINGS
from corral.runtime.validation.resources import RESOURCES
from corral.runtime.validation.seccomp import SECCOMP
from corral.runtime.validation.shapes import (
    INT64,
    UINT32,
    Problem,
    absolute,
    cpu_list,
    flag,
    items,
    number,
    record,
    table,
    text,
    unique,
    values,
    within,
)

__all__ = ["LINUX"]

_NAMESPACES: Final = "config-linux.md#namespaces"
_NAMESPACE: Final = record(
    _NAMESPACES,
    {"type": values(("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"))},
    {
        "path": lambda value, where, clause: (
            text(value, where, clause) if value == "" else absolute(value, where, clause)
        )
    },
)

_OFFSETS: Final = table(
    record(
        "config-linux.md#offset-for-time-namespace",
        {},
        {"secs": number(INT64), "nanosecs": number((0, 999_999_999))},
    ),
    values(("monotonic", "boottime")),
)


def _device_rules(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name in ("major", "minor"):
        if value.get(name) is None and value["type"] != "p":
            yield name, "is REQUIRED unless type is p"


_DEVICES: Final = "config-linux.md#devices"
_DEVICE: Final = record(
    _DEVICES,
    {"type": values(("c", "b", "u", "p")), "path": absolute},
    {
        "major": number(INT64),
        "minor": number(INT64),
        "fileMode": number(UINT32),
        "uid": number(UINT32),
        "gid": number(UINT32),
    },
    _device_rules,
)

_MOST_OF_A_NAME: Final = 15


def _interface(value: object, where: str, clause: str) -> Iterator[Problem]:
    """As the kernel checks names of interfaces: net/core/dev.c, dev_valid_name."""
    yield from text(value, where, clause)
    if not isinstance(value, str):
        return
    if not 0 < len(value) <= _MOST_OF_A_NAME or value in (".", "..") or any(c in "/:" or c.isspace() for c in value):
        yield Problem(clause, f"{where}: {value!r} is not a valid name of a network device")


_NET_DEVICES: Final = "config-linux.md#network-devices"
_NET_DEVICE: Final = record(
    _NET_DEVICES,
    {},
    {"name": lambda value, where, clause: iter(()) if value == "" else _interface(value, where, clause)},
)

_WITHOUT_NODES: Final = ("MPOL_DEFAULT", "MPOL_LOCAL")
_WITH_NODES: Final = ("MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED_MANY")


def _policy_rules(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if value["mode"] in _WITHOUT_NODES and value.get("nodes"):
        yield "nodes", f"{value['mode']} requires that there are no nodes"
    if value["mode"] in _WITH_NODES and not value.get("nodes"):
        yield "nodes", f"{value['mode']} requires that there is at least one node"


_MEMORY_POLICY: Final = record(
    "config-linux.md#memory-policy",
    {"mode": values(mempolicy.MODES)},
    {"nodes": cpu_list, "flags": items(values(mempolicy.FLAGS))},
    _policy_rules,
)


def _rdt_rules(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    clos, bandwidth = cast(str, value.get("closID") or ""), cast(str, value.get("memBwSchema") or "")
    if clos in (".", "..") or (len(clos) > 1 and "/" in clos):
        yield "closID", f"{clos!r} is not the name of a directory"
    if bandwidth and not bandwidth.startswith("MB:"):
        yield "memBwSchema", "MUST start with MB:"
    for name in ("l3CacheSchema", "memBwSchema"):
        if "\n" in cast(str, value.get(name) or ""):
            yield name, "MUST NOT contain newlines"
    if any("\n" in line for line in cast(list[str], value.get("schemata") or [])):
        yield "schemata", "MUST NOT contain newlines"


_RDT: Final = record(
    "config-linux.md#intelrdt",
    {},
    {
        "closID": text,
        "l3CacheSchema": text,
        "memBwSchema": text,
        "schemata": items(text),
        "enableMonitoring": flag,
        "enableCMT": flag,
        "enableMBM": flag,
    },
    _rdt_rules,
)

_PERSONALITY: Final = record(
    "config-linux.md#personality",
    {"domain": values(personality.DOMAINS)},
    {"flags": items(values(()))},
)
_PROPAGATIONS: Final = frozenset(
    f"{recursive}{kind}" for kind in ("shared", "slave", "private", "unbindable") for recursive in ("", "r")
) | {""}
"""The recursive ones are not the specification's, but Docker's."""


LINUX: Final = record(
    "config-linux.md#linux-container-configuration",
    {},
    {
        "namespaces": within(_NAMESPACES, unique(_NAMESPACE, "type")),
        "uidMappings": ID_MAPPINGS,
        "gidMappings": ID_MAPPINGS,
        "timeOffsets": within("config-linux.md#offset-for-time-namespace", _OFFSETS),
        "devices": within(_DEVICES, items(_DEVICE)),
        "netDevices": within(_NET_DEVICES, table(_NET_DEVICE, _interface)),
        "cgroupsPath": within("config-linux.md#cgroups-path", text),
        "resources": RESOURCES,
        "intelRdt": _RDT,
        "memoryPolicy": _MEMORY_POLICY,
        "sysctl": within("config-linux.md#sysctl", table(text)),
        "seccomp": SECCOMP,
        "rootfsPropagation": within("config-linux.md#rootfs-mount-propagation", values(_PROPAGATIONS)),
        "maskedPaths": within("config-linux.md#masked-paths", items(absolute)),
        "readonlyPaths": within("config-linux.md#readonly-paths", items(absolute)),
        "mountLabel": within("config-linux.md#mount-label", text),
        "personality": _PERSONALITY,
    },
)
