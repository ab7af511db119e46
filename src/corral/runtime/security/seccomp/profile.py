"""Docker's seccomp profile format, and narrowing a profile down to one container.

A profile is the OCI description with conditions: an entry may be included or excluded by the container's capabilities,
the architecture and the kernel's version; ``archMap`` names companions of architectures; ``name`` stands for one of
``names`` (docs.docker.com/engine/security/seccomp).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from corral.errors import Invalid
from corral.oci.runtime import Seccomp, SeccompArg, SeccompSyscall
from corral.runtime.security.seccomp.architectures import Architecture

__all__ = ["ArchMap", "Condition", "Entry", "Profile", "kernel_version", "narrow", "parse"]


@dataclass(frozen=True, slots=True)
class Condition:
    """``arches`` are Go's names; ``min_kernel`` is ``(major, minor)``."""

    caps: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    min_kernel: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """``rule`` applies when everything in ``includes`` holds and nothing in ``excludes`` does."""

    rule: SeccompSyscall
    includes: Condition = Condition()
    excludes: Condition = Condition()


@dataclass(frozen=True, slots=True)
class ArchMap:
    architecture: str
    companions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """``digest`` identifies the content, in hexadecimal."""

    digest: str
    default_action: str
    default_errno_ret: int | None = None
    architectures: tuple[str, ...] = ()
    arch_map: tuple[ArchMap, ...] = ()
    flags: tuple[str, ...] = ()
    listener_path: str = ""
    listener_metadata: str = ""
    entries: tuple[Entry, ...] = ()


def parse(text: str) -> Profile:
    """Read a profile; one that says nothing has no default action. Raises Invalid with Docker's text."""
    try:
        data = json.loads(text)
        if not isinstance(data, dict):
            raise TypeError("not an object")
        return _profile(data, hashlib.sha256(text.encode()).hexdigest())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Invalid(f"Decoding seccomp profile failed: {error}") from error


def kernel_version(release: str) -> tuple[int, int]:
    """The first two numbers of uname's release. Raises ValueError."""
    match = re.match(r"(\d+)\.(\d+)", release)
    if match is None:
        raise ValueError(f"invalid kernel version: {release!r}")
    return int(match[1]), int(match[2])


def narrow(profile: Profile, capabilities: tuple[str, ...], native: Architecture, kernel: tuple[int, int]) -> Seccomp:
    """The OCI description for a container with ``capabilities`` (names such as "CAP_CHOWN") on this machine."""
    granted = frozenset(capabilities)
    architectures = profile.architectures
    for entry in profile.arch_map:
        if entry.architecture == native.name:
            architectures = (entry.architecture, *entry.companions)
            break
    return Seccomp(
        default_action=profile.default_action,
        default_errno_ret=profile.default_errno_ret,
        architectures=architectures,
        flags=profile.flags,
        listener_path=profile.listener_path,
        listener_metadata=profile.listener_metadata,
        syscalls=tuple(e.rule for e in profile.entries if _applies(e, granted, native.go_name, kernel)),
    )


def _applies(entry: Entry, capabilities: frozenset[str], arch: str, kernel: tuple[int, int]) -> bool:
    include, exclude = entry.includes, entry.excludes
    return not (
        any(cap in capabilities for cap in exclude.caps)
        or arch in exclude.arches
        or (exclude.min_kernel is not None and kernel >= exclude.min_kernel)
        or (include.arches and arch not in include.arches)
        or not all(cap in capabilities for cap in include.caps)
        or (include.min_kernel is not None and kernel < include.min_kernel)
    )


def _profile(data: dict[str, Any], digest: str) -> Profile:
    architectures = _names(data, "architectures")
    arch_map = tuple(
        ArchMap(str(entry["architecture"]), _names(entry, "subArchitectures")) for entry in data.get("archMap") or ()
    )
    if architectures and arch_map:
        raise Invalid(
            "both 'architectures' and 'archMap' are specified in the seccomp profile, "
            "use either 'architectures' or 'archMap'"
        )
    entries = tuple(_entry(entry) for entry in data.get("syscalls") or ())
    default = data.get("defaultAction") or ""
    if entries and not default:
        raise ValueError("no defaultAction")
    return Profile(
        digest=digest,
        default_action=_action(default) if default else "",
        default_errno_ret=_optional_int(data, "defaultErrnoRet"),
        architectures=architectures,
        arch_map=arch_map,
        flags=_names(data, "flags"),
        listener_path=str(data.get("listenerPath") or ""),
        listener_metadata=str(data.get("listenerMetadata") or ""),
        entries=entries,
    )


def _entry(data: dict[str, Any]) -> Entry:
    names = _names(data, "names")
    if data.get("name"):
        if names:
            raise Invalid("both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'")
        names = (str(data["name"]),)
    rule = SeccompSyscall(
        names=names,
        action=_action(data["action"]),
        errno_ret=_optional_int(data, "errnoRet"),
        args=tuple(_argument(argument) for argument in data.get("args") or () if argument is not None),
    )
    return Entry(rule, _condition(data.get("includes")), _condition(data.get("excludes")))


def _argument(data: dict[str, Any]) -> SeccompArg:
    index, op = int(data["index"]), str(data["op"])
    if not 0 <= index <= 5:
        raise ValueError(f"invalid seccomp argument index {index}")
    if op not in OPERATORS:
        raise ValueError(f"invalid seccomp operator {op!r}")
    return SeccompArg(index=index, value=_word(data, "value"), value_two=_word(data, "valueTwo"), op=op)


def _word(data: dict[str, Any], key: str) -> int:
    value = int(data.get(key) or 0)
    if not 0 <= value < 1 << 64:
        raise ValueError(f"seccomp argument {key} {value} does not fit 64 bits")
    return value


def _condition(data: dict[str, Any] | None) -> Condition:
    if not data:
        return Condition()
    minimum = data.get("minKernel")
    return Condition(
        caps=_names(data, "caps"),
        arches=_names(data, "arches"),
        min_kernel=_minimum(minimum) if minimum else None,
    )


def _minimum(value: object) -> tuple[int, int]:
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,3}\.\d{1,3}", value) or value == "0.0":
        raise ValueError(f'invalid kernel version: {value}, expected "<kernel>.<major>"')
    return kernel_version(value)


def _action(value: object) -> str:
    if not isinstance(value, str) or value not in ACTIONS:
        raise ValueError(f"invalid seccomp action {value!r}")
    return value


def _names(data: dict[str, Any], key: str) -> tuple[str, ...]:
    values = data.get(key) or ()
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{key} must be a list of strings")
    return tuple(values)


def _optional_int(data: dict[str, Any], key: str) -> int | None:
    value = data.get(key)
    return None if value is None else int(value)


_ACTION_NAMES: Final = "KILL KILL_PROCESS KILL_THREAD TRAP ERRNO TRACE ALLOW LOG NOTIFY"
_OPERATOR_NAMES: Final = "NE LT LE EQ GE GT MASKED_EQ"
ACTIONS: Final = frozenset(f"SCMP_ACT_{name}" for name in _ACTION_NAMES.split())
OPERATORS: Final = frozenset(f"SCMP_CMP_{name}" for name in _OPERATOR_NAMES.split())
