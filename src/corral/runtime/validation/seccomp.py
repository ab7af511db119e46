"""config-linux.md: Seccomp."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from corral.runtime.validation.shapes import UINT32, UINT64, items, number, record, text, values

__all__ = ["SECCOMP"]

_CLAUSE: Final = "config-linux.md#seccomp"
_ACTIONS: Final = frozenset(
    f"SCMP_ACT_{name}"
    for name in ("KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO", "TRACE", "ALLOW", "LOG", "NOTIFY")
)
_WITH_ERRNO: Final = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
_ARCHITECTURES: Final = frozenset(
    f"SCMP_ARCH_{name}"
    for name in (
        *("X86", "X86_64", "X32", "ARM", "AARCH64", "MIPS", "MIPS64", "MIPS64N32", "MIPSEL", "MIPSEL64"),
        *("MIPSEL64N32", "PPC", "PPC64", "PPC64LE", "S390", "S390X", "PARISC", "PARISC64", "RISCV64"),
        *("LOONGARCH64", "M68K", "SH", "SHEB"),
    )
)
_FLAGS: Final = frozenset(
    f"SECCOMP_FILTER_FLAG_{name}" for name in ("TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV")
)
_OPERATORS: Final = frozenset(f"SCMP_CMP_{name}" for name in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"))

_ARG: Final = record(
    _CLAUSE,
    {"index": number((0, 5)), "value": number(UINT64), "op": values(_OPERATORS)},
    {"valueTwo": number(UINT64)},
)


def _errno_of_call(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if value.get("errnoRet") is not None and value["action"] not in _WITH_ERRNO:
        yield "errnoRet", f"is not supported by {value['action']}"


_CALL: Final = record(
    _CLAUSE,
    {"names": items(text, least=1), "action": values(_ACTIONS)},
    {"errnoRet": number(UINT32), "args": items(_ARG)},
    _errno_of_call,
)


def _rules(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if value.get("defaultErrnoRet") is not None and value["defaultAction"] not in _WITH_ERRNO:
        yield "defaultErrnoRet", f"is not supported by {value['defaultAction']}"
    if value.get("listenerMetadata") and not value.get("listenerPath"):
        yield "listenerMetadata", "MUST NOT be set if listenerPath is not set"
    calls = cast(list[Mapping[str, object]], value.get("syscalls") or [])
    actions = [value["defaultAction"], *(call["action"] for call in calls)]
    if "SCMP_ACT_NOTIFY" in actions and not value.get("listenerPath"):
        yield "listenerPath", "is needed by SCMP_ACT_NOTIFY"


SECCOMP: Final = record(
    _CLAUSE,
    {"defaultAction": values(_ACTIONS)},
    {
        "defaultErrnoRet": number(UINT32),
        "architectures": items(values(_ARCHITECTURES)),
        "flags": items(values(_FLAGS)),
        "listenerPath": text,
        "listenerMetadata": text,
        "syscalls": items(_CALL),
    },
    _rules,
)
