"""An OCI seccomp description as a program for the kernel.

The program loads the system call's number once and finds it in a binary tree over ranges of numbers with the same
answer: some eight comparisons instead of hundreds, and small enough that the kernel's cache of calls that are always
allowed understands it. Meaning, where the specification leaves it open, is libseccomp's as runc uses it:

- A rule without arguments beats rules with arguments for the same call; among equals the first one counts.
- Conditions of one rule on different arguments must all hold; several on the same argument are alternatives.
- 32-bit architectures compare the lower half of arguments only.
- Calls that an architecture does not have are left out. On i386 the calls that socketcall(2) and ipc(2) stand for are
  matched there too.
- A call of an architecture that is not named kills the thread.
- A call newer than every call that the description names gets ENOSYS instead of a refusal, so that programs fall back
  to older calls; unless the default action lets calls pass.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid, Unsupported
from corral.linux import bpf, seccomp
from corral.linux.bpf import Assembler, Label
from corral.oci.runtime import Seccomp, SeccompArg, SeccompSyscall
from corral.runtime.security.seccomp.architectures import ARCHITECTURES, X32_BIT, Architecture, native, numbers

__all__ = ["FLAGS", "Rule", "action_value", "compile_filter", "flag_bits", "rules_by_number"]

_SIMPLE_ACTIONS: Final = {
    "SCMP_ACT_KILL": seccomp.SECCOMP_RET_KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": seccomp.SECCOMP_RET_KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": seccomp.SECCOMP_RET_KILL_PROCESS,
    "SCMP_ACT_TRAP": seccomp.SECCOMP_RET_TRAP,
    "SCMP_ACT_LOG": seccomp.SECCOMP_RET_LOG,
    "SCMP_ACT_ALLOW": seccomp.SECCOMP_RET_ALLOW,
}
_NOTIFY: Final = "SCMP_ACT_NOTIFY"
_PERMISSIVE: Final = frozenset({"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"})
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

_LOW: Final = 0xFFFFFFFF
_LAST: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Rule:
    """One call's rule: all of ``conditions`` must hold; ``value`` is what the filter returns then."""

    conditions: tuple[SeccompArg, ...]
    value: int


def compile_filter(description: Seccomp, machine: str) -> bytes:
    """The program, an array of ``struct sock_filter``, for a machine by uname's name.

    Raises Invalid for actions, operators or architectures that do not exist, or when the program is too long;
    Unsupported for notifications, which need somebody to answer them.
    """
    actions = {description.default_action, *(call.action for call in description.syscalls)}
    if _NOTIFY in actions or description.listener_path:
        raise Unsupported(f"seccomp action {_NOTIFY} is not supported")
    assembler = Assembler()
    bad_architecture = assembler.return_(seccomp.SECCOMP_RET_KILL_THREAD)
    blocks: dict[int, dict[str, Label]] = {}
    for architecture in _architectures(description, machine):
        entry = _block(assembler, description, architecture)
        blocks.setdefault(architecture.audit, {})[architecture.name] = entry
    entry = bad_architecture
    for audit, labels in reversed(blocks.items()):
        label = _with_x32(assembler, labels, bad_architecture)
        number = assembler.load(seccomp.DATA_NR, label)
        entry = assembler.branch(bpf.JUMP_EQUAL, audit, number, entry)
    entry = assembler.load(seccomp.DATA_ARCH, entry)
    try:
        return assembler.program(entry)
    except ValueError as error:
        raise Invalid(f"seccomp profile is too large: {error}") from error


def flag_bits(flags: tuple[str, ...]) -> int:
    """Names -> bits; without any, speculation is left alone, as runc does. Raises Invalid for unknown names."""
    if not flags:
        return seccomp.SECCOMP_FILTER_FLAG_SPEC_ALLOW
    bits = 0
    for flag in flags:
        if flag not in FLAGS:
            raise Invalid(f"seccomp flags {flag!r} not yet supported")
        bits |= FLAGS[flag]
    return bits


def action_value(action: str, errno_ret: int | None) -> int:
    """What a filter returns for an action; EPERM where a number is wanted and none is given. Raises Invalid."""
    if action in _WITH_DATA:
        data = errno.EPERM if errno_ret is None else errno_ret
        return _WITH_DATA[action] | data & seccomp.SECCOMP_RET_DATA
    if action not in _SIMPLE_ACTIONS:
        raise Invalid(f"invalid seccomp action {action!r}")
    return _SIMPLE_ACTIONS[action]


def rules_by_number(description: Seccomp, architecture: Architecture) -> tuple[dict[int, tuple[Rule, ...]], int]:
    """Every call that the description names -> its rules, tried in order; and the highest number named (-1: none).

    A rule without conditions stands alone: nothing before or after it can count.
    """
    table = numbers(architecture.name)
    default = action_value(description.default_action, description.default_errno_ret)
    gathered: dict[int, list[Rule]] = {}
    highest = -1
    for call in description.syscalls:
        value = action_value(call.action, call.errno_ret)
        for number, conditions in _matches(call, architecture, table):
            highest = max(highest, number)
            # Rules that say what the default says anyway are no rules.
            if value != default:
                gathered.setdefault(number, []).extend(Rule(c, value) for c in _alternatives(conditions))
    rules = {}
    for number, candidates in gathered.items():
        plain = [rule for rule in candidates if not rule.conditions]
        rules[number] = (plain[0],) if plain else tuple(candidates)
    return rules, highest


def _architectures(description: Seccomp, machine: str) -> list[Architecture]:
    """The machine's own first, then the others that are named."""
    own = native(machine)
    if own is None:
        raise Invalid(f"seccomp is not supported on {machine}")
    found = [own]
    for name in description.architectures:
        if name not in ARCHITECTURES:
            if name.startswith("SCMP_ARCH_"):
                continue  # an architecture that this machine cannot run
            raise Invalid(f"invalid seccomp architecture {name!r}")
        if ARCHITECTURES[name] not in found:
            found.append(ARCHITECTURES[name])
    return found


def _matches(
    call: SeccompSyscall, architecture: Architecture, table: dict[str, int]
) -> Iterator[tuple[int, tuple[SeccompArg, ...]]]:
    for name in call.names:
        if name in table:
            yield table[name], call.args
        if architecture.name != "SCMP_ARCH_X86":
            continue
        for multiplexer, members in _MULTIPLEXERS:
            if name in members:
                yield table[multiplexer], (SeccompArg(index=0, value=members[name], op="SCMP_CMP_EQ"),)


def _alternatives(conditions: tuple[SeccompArg, ...]) -> list[tuple[SeccompArg, ...]]:
    indexes = [condition.index for condition in conditions]
    if len(set(indexes)) == len(indexes):
        return [conditions]
    return [(condition,) for condition in conditions]


def _with_x32(assembler: Assembler, labels: dict[str, Label], bad_architecture: Label) -> Label:
    """One entry for the blocks that share an audit number."""
    if "SCMP_ARCH_X86_64" not in labels and "SCMP_ARCH_X32" not in labels:
        return next(iter(labels.values()))
    wide = labels.get("SCMP_ARCH_X86_64", bad_architecture)
    x32 = labels.get("SCMP_ARCH_X32", bad_architecture)
    # -1 is not a call of x32: it is what a tracer leaves to have a call skipped.
    skipped = assembler.branch(bpf.JUMP_EQUAL, _LAST, wide, x32)
    return assembler.branch(bpf.JUMP_GREATER_EQUAL, X32_BIT, skipped, wide)


def _block(assembler: Assembler, description: Seccomp, architecture: Architecture) -> Label:
    """The tree of one architecture; expects the number in the accumulator."""
    rules, highest = rules_by_number(description, architecture)
    default = action_value(description.default_action, description.default_errno_ret)
    beyond = default
    if description.default_action not in _PERMISSIVE:
        beyond = seccomp.SECCOMP_RET_ERRNO | errno.ENOSYS
    answers: dict[tuple[Rule, ...], Label] = {}
    ranges = []
    for start, answer in _ranges(rules, highest, default, beyond):
        if answer not in answers:
            answers[answer] = _answer(assembler, answer, default, architecture)
        ranges.append((start, answers[answer]))
    return _tree(assembler, ranges)


def _ranges(
    rules: dict[int, tuple[Rule, ...]], highest: int, default: int, beyond: int
) -> list[tuple[int, tuple[Rule, ...]]]:
    """Sorted ``(first number, rules)``: each range goes up to the next; the first begins at 0."""
    otherwise = (Rule((), default),)
    last = (Rule((), beyond),)
    ranges: list[tuple[int, tuple[Rule, ...]]] = [(0, otherwise if highest >= 0 else last)]

    def add(start: int, answer: tuple[Rule, ...]) -> None:
        if ranges[-1][0] == start:
            ranges.pop()
        if not ranges or ranges[-1][1] != answer:
            ranges.append((start, answer))

    for number in sorted(rules):
        add(number, rules[number])
        add(number + 1, otherwise)
    add(highest + 1, last)
    return ranges


def _tree(assembler: Assembler, ranges: list[tuple[int, Label]]) -> Label:
    """Binary search over the starts of the ranges."""
    if len(ranges) == 1:
        return ranges[0][1]
    if len(ranges) == 3 and ranges[0][1] == ranges[2][1] and ranges[1][0] + 1 == ranges[2][0]:
        return assembler.branch(bpf.JUMP_EQUAL, ranges[1][0], ranges[1][1], ranges[0][1])
    middle = len(ranges) // 2
    high = _tree(assembler, ranges[middle:])
    low = _tree(assembler, ranges[:middle])
    return assembler.branch(bpf.JUMP_GREATER_EQUAL, ranges[middle][0], high, low)


def _answer(assembler: Assembler, rules: tuple[Rule, ...], default: int, architecture: Architecture) -> Label:
    """Try the rules in order, then the default."""
    label = None if rules and not rules[-1].conditions else assembler.return_(default)
    for rule in reversed(rules):
        yes = assembler.return_(rule.value)
        label = yes if label is None else _all_of(assembler, rule.conditions, yes, label, architecture)
    assert label is not None
    return label


def _all_of(
    assembler: Assembler, conditions: tuple[SeccompArg, ...], yes: Label, no: Label, architecture: Architecture
) -> Label:
    for condition in reversed(conditions):
        yes = _condition(assembler, condition, yes, no, architecture)
    return yes


def _condition(assembler: Assembler, condition: SeccompArg, yes: Label, no: Label, architecture: Architecture) -> Label:
    """Compare one argument; both halves where it has two, the upper first. Data are little-endian."""
    mask = (1 << architecture.word) - 1
    value = condition.value
    if condition.op == "SCMP_CMP_MASKED_EQ":
        mask &= value
        value = condition.value_two
    value &= mask
    low = seccomp.DATA_ARGS + 8 * condition.index
    op = condition.op.removeprefix("SCMP_CMP_")
    # The negated operators are their opposites with the answers exchanged.
    if op in ("NE", "LT", "LE"):
        op = {"NE": "EQ", "LT": "GE", "LE": "GT"}[op]
        yes, no = no, yes
    code = {"EQ": bpf.JUMP_EQUAL, "MASKED_EQ": bpf.JUMP_EQUAL, "GE": bpf.JUMP_GREATER_EQUAL, "GT": bpf.JUMP_GREATER}
    if op not in code:
        raise Invalid(f"invalid seccomp operator {condition.op!r}")
    lower = assembler.branch(code[op], value & _LOW, yes, no)
    lower = _load(assembler, low, mask & _LOW, lower)
    if architecture.word == 32:
        return lower
    equal = assembler.branch(bpf.JUMP_EQUAL, value >> 32, lower, no)
    upper = equal if code[op] == bpf.JUMP_EQUAL else assembler.branch(bpf.JUMP_GREATER, value >> 32, yes, equal)
    return _load(assembler, low + 4, mask >> 32, upper)


def _load(assembler: Assembler, offset: int, mask: int, then: Label) -> Label:
    if mask != _LOW:
        then = assembler.and_(mask, then)
    return assembler.load(offset, then)
