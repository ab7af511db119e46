"""config-linux.md: what the control groups are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from corral.runtime.validation.shapes import (
    INT64,
    UINT16,
    UINT32,
    UINT64,
    Problem,
    cpu_list,
    flag,
    items,
    number,
    record,
    rule,
    table,
    text,
    values,
    within,
)

__all__ = ["RESOURCES"]

_LIMIT: Final = number((-1, INT64[1]))
_NUMBERS: Final = {"major": number(INT64), "minor": number(INT64)}


def _access(value: object, where: str, clause: str) -> Iterator[Problem]:
    yield from text(value, where, clause)
    if isinstance(value, str) and set(value) - set("rwm"):
        yield Problem(clause, f"{where}: MUST be a composition of r, w and m, is {value!r}")


_DEVICE: Final = record(
    "config-linux.md#allowed-device-list",
    {"allow": flag},
    {"type": values(("a", "b", "c", "")), **_NUMBERS, "access": _access},
)

_MEMORY: Final = record(
    "config-linux.md#memory",
    {},
    {
        **dict.fromkeys(("limit", "reservation", "swap", "kernel", "kernelTCP"), _LIMIT),
        "swappiness": number((0, 100)),
        "disableOOMKiller": flag,
        "useHierarchy": flag,
        "checkBeforeUpdate": flag,
    },
)


def _burst(value: Mapping[str, object]) -> bool:
    quota, burst = cast(int, value.get("quota") or 0), cast(int, value.get("burst") or 0)
    return quota > 0 and burst > quota


_CPU: Final = record(
    "config-linux.md#cpu",
    {},
    {
        "shares": number(UINT64),
        "quota": number(INT64),
        "burst": number(UINT64),
        "period": number(UINT64),
        "realtimeRuntime": number(INT64),
        "realtimePeriod": number(UINT64),
        "cpus": cpu_list,
        "mems": cpu_list,
        "idle": number((0, 1)),
    },
    rule("burst", _burst, "MUST be no larger than any positive quota"),
)

_WEIGHT_DEVICE: Final = record(
    "config-linux.md#block-io",
    _NUMBERS,
    {"weight": number(UINT16), "leafWeight": number(UINT16)},
    rule(
        "weight",
        lambda value: value.get("weight") is None and value.get("leafWeight") is None,
        "at least one of weight or leafWeight MUST be specified",
    ),
)
_THROTTLE_DEVICE: Final = record("config-linux.md#block-io", {**_NUMBERS, "rate": number(UINT64)}, {})
_BLOCK_IO: Final = record(
    "config-linux.md#block-io",
    {},
    {
        "weight": number(UINT16),
        "leafWeight": number(UINT16),
        "weightDevice": items(_WEIGHT_DEVICE),
        **{
            f"throttle{direction}{unit}Device": items(_THROTTLE_DEVICE)
            for direction in ("Read", "Write")
            for unit in ("Bps", "IOPS")
        },
    },
)


def _page_size(value: object, where: str, clause: str) -> Iterator[Problem]:
    yield from text(value, where, clause)
    if isinstance(value, str) and not (value[-2:] in ("KB", "MB", "GB") and value[:-2].isdecimal()):
        yield Problem(clause, f"{where}: MUST have the format <size><unit-prefix>B (64KB, 2MB, 1GB), is {value!r}")


_HUGEPAGE: Final = record("config-linux.md#huge-page-limits", {"pageSize": _page_size, "limit": number(UINT64)}, {})
_PRIORITY: Final = record("config-linux.md#network", {"name": text, "priority": number(UINT32)}, {})
_NETWORK: Final = record("config-linux.md#network", {}, {"classID": number(UINT32), "priorities": items(_PRIORITY)})
_PIDS: Final = record("config-linux.md#pids", {}, {"limit": number(INT64)})
_RDMA: Final = record(
    "config-linux.md#rdma",
    {},
    {"hcaHandles": number(UINT32), "hcaObjects": number(UINT32)},
    rule(
        "",
        lambda value: value.get("hcaHandles") is None and value.get("hcaObjects") is None,
        "at least one of hcaHandles or hcaObjects MUST be specified",
    ),
)


def _file(value: object, where: str, clause: str) -> Iterator[Problem]:
    if not isinstance(value, str) or "/" in value or value in ("", ".", ".."):
        yield Problem(clause, f"{where}: MUST refer to a file in the cgroup")


RESOURCES: Final = record(
    "config-linux.md#control-groups",
    {},
    {
        "devices": within("config-linux.md#allowed-device-list", items(_DEVICE)),
        "memory": _MEMORY,
        "cpu": _CPU,
        "blockIO": _BLOCK_IO,
        "hugepageLimits": within("config-linux.md#huge-page-limits", items(_HUGEPAGE)),
        "network": _NETWORK,
        "pids": _PIDS,
        "rdma": within("config-linux.md#rdma", table(_RDMA)),
        "unified": within("config-linux.md#unified", table(text, _file)),
    },
)
