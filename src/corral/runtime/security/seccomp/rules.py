"""What a description says of each system call number of one architecture.

Meaning, where the specification leaves it open, is libseccomp's as runc uses it:

- A rule without arguments beats rules with arguments for the same call; among equals the first one counts.
- Conditions of one rule on different arguments must all hold; several on the same argument are alternatives.
- 32-bit architectures compare the lower half of arguments only. So does the kernel itself where the argument is an
  ``int``, and so does every rule on one: a family that is refused stays refused with rubbish in the upper half.
- Calls that an architecture does not have are left out. On i386 the calls that socketcall(2) and ipc(2) stand for are
  matched there too.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid
from corral.linux import seccomp
from corral.oci.runtime import Seccomp, SeccompArg, SeccompSyscall
from corral.runtime.security.seccomp.architectures import Architecture, numbers

__all__ = ["FLAGS", "Answer", "Comparison", "Rule", "action_value", "flag_bits", "rules_by_number"]

_SIMPLE_ACTIONS: Final = {
    "SCMP_ACT_KILL": seccomp.SECCOMP_RET_KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": seccomp.SECCOMP_RET_KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": seccomp.SECCOMP_RET_KILL_PROCESS,
    "SCMP_ACT_TRAP": seccomp.SECCOMP_RET_TRAP,
    "SCMP_ACT_NOTIFY": seccomp.SECCOMP_RET_USER_NOTIF,
    "SCMP_ACT_LOG": seccomp.SECCOMP_RET_LOG,
    "SCMP_ACT_ALLOW": seccomp.SECCOMP_RET_ALLOW,
}
_WITH_DATA: Final = {"SCMP_ACT_ERRNO": seccomp.SECCOMP_RET_ERRNO, "SCMP_ACT_TRACE": seccomp.SECCOMP_RET_TRACE}

FLAGS: Final = {
    "SECCOMP_FILTER_FLAG_TSYNC": seccomp.SECCOMP_FILTER_FLAG_TSYNC,
    "SECCOMP_FILTER_FLAG_LOG": seccomp.SECCOMP_FILTER_FLAG_LOG,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": seccomp.SECCOMP_FILTER_FLAG_SPEC_ALLOW,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": seccomp.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
}

# i386's two multiplexers (linux/net.h, linux/ipc.h): call -> number in their first argument.
_SOCKETCALLS: Final = (
    "socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown "
    "setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg"
)
_SOCKETCALL: Final = {name: number for number, name in enumerate(_SOCKETCALLS.split(), start=1)}
_IPC: Final = {
    "semop": 1, "semget": 2, "semctl": 3, "semtimedop": 4, "msgsnd": 11, "msgrcv": 12, "msgget": 13, "msgctl": 14,
    "shmat": 21, "shmdt": 22, "shmget": 23, "shmctl": 24,
}  # fmt: skip
_MULTIPLEXERS: Final = (("socketcall", _SOCKETCALL), ("ipc", _IPC))

_INT_ARGUMENTS: Final = {"socket": (0, 1, 2), "socketpair": (0, 1, 2), "personality": (0,)}
"""Call -> arguments of which the kernel looks at the lower 32 bits only, for the calls that profiles tell apart."""

_LOW: Final = 0xFFFFFFFF
_OPERATORS: Final = {
    "SCMP_CMP_EQ": ("EQ", False),
    "SCMP_CMP_NE": ("EQ", True),
    "SCMP_CMP_GE": ("GE", False),
    "SCMP_CMP_LT": ("GE", True),
    "SCMP_CMP_GT": ("GT", False),
    "SCMP_CMP_LE": ("GT", True),
    "SCMP_CMP_MASKED_EQ": ("EQ", False),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """``argument[index] & mask OP value``, or its opposite with ``negated``; ``op`` is EQ, GE or GT.

    Two architectures that have the same comparisons can share their code.
    """

    index: int
    op: str
    mask: int
    value: int
    negated: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One call's rule: all of ``conditions`` must hold; ``value`` is what the filter returns then."""

    conditions: tuple[Comparison, ...]
    value: int


Answer = tuple[Rule, ...]
"""Rules of one call, tried in order. One without conditions stands alone: nothing before or after it can count."""


def flag_bits(flags: tuple[str, ...], *, notifies: bool = False) -> int:
    """Names -> bits; without any, speculation is left alone, as runc does. Raises Invalid for unknown names.

    ``notifies``: the filter's descriptor is wanted. The kernel has either that or TSYNC, which would be for the other
    threads of a process that has none; and WAIT_KILLABLE_RECV only for who is notified.
    """
    bits = seccomp.SECCOMP_FILTER_FLAG_NEW_LISTENER if notifies else 0
    if not flags:
        return bits | seccomp.SECCOMP_FILTER_FLAG_SPEC_ALLOW
    for flag in flags:
        if flag not in FLAGS:
            raise Invalid(f"seccomp flags {flag!r} not yet supported")
        bits |= FLAGS[flag]
    if notifies:
        return bits & ~seccomp.SECCOMP_FILTER_FLAG_TSYNC
    return bits & ~seccomp.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV


def action_value(action: str, errno_ret: int | None) -> int:
    """What a filter returns for an action; EPERM where a number is wanted and none is given. Raises Invalid."""
    if action in _WITH_DATA:
        data = errno.EPERM if errno_ret is None else errno_ret
        return _WITH_DATA[action] | data & seccomp.SECCOMP_RET_DATA
    if action not in _SIMPLE_ACTIONS:
        raise Invalid(f"invalid seccomp action {action!r}")
    return _SIMPLE_ACTIONS[action]


def rules_by_number(description: Seccomp, architecture: Architecture) -> tuple[dict[int, Answer], set[int]]:
    """Every call that has rules of its own -> these; and all numbers that the description names."""
    table = numbers(architecture.name)
    default = action_value(description.default_action, description.default_errno_ret)
    gathered: dict[int, list[Rule]] = {}
    named: set[int] = set()
    for call in description.syscalls:
        value = action_value(call.action, call.errno_ret)
        for number, alternatives in _matches(call, architecture, table):
            named.add(number)
            # Rules that say what the default says anyway are no rules.
            if value != default:
                gathered.setdefault(number, []).extend(Rule(conditions, value) for conditions in alternatives)
    rules = {}
    for number, candidates in gathered.items():
        plain = [rule for rule in candidates if not rule.conditions]
        rules[number] = (plain[0],) if plain else tuple(dict.fromkeys(candidates))
    return rules, named


_Alternatives = list[tuple[Comparison, ...]]


def _matches(
    call: SeccompSyscall, architecture: Architecture, table: dict[str, int]
) -> Iterator[tuple[int, _Alternatives]]:
    for name in call.names:
        if name in table:
            yield table[name], _alternatives(call.args, _INT_ARGUMENTS.get(name, ()), architecture)
        if architecture.name != "SCMP_ARCH_X86":
            continue
        for multiplexer, members in _MULTIPLEXERS:
            if name in members:
                yield table[multiplexer], [(Comparison(0, "EQ", _LOW, members[name], negated=False),)]


def _alternatives(
    conditions: tuple[SeccompArg, ...], narrow: tuple[int, ...], architecture: Architecture
) -> _Alternatives:
    found = []
    for condition in conditions:
        word = 32 if condition.index in narrow else architecture.word
        found.append(_comparison(condition, (1 << word) - 1))
    indexes = [condition.index for condition in conditions]
    if len(set(indexes)) == len(indexes):
        return [tuple(found)]
    return [(comparison,) for comparison in found]


def _comparison(condition: SeccompArg, whole: int) -> Comparison:
    if condition.op not in _OPERATORS:
        raise Invalid(f"invalid seccomp operator {condition.op!r}")
    op, negated = _OPERATORS[condition.op]
    mask, value = whole, condition.value
    if condition.op == "SCMP_CMP_MASKED_EQ":
        mask, value = whole & condition.value, condition.value_two
    return Comparison(condition.index, op, mask, value & mask, negated)
