"""An OCI seccomp description as a program for the kernel.

The program loads the system call's number once and finds it in a tree over ranges of numbers with the same answer:
some eight comparisons instead of hundreds. It is written with those instructions only that the kernel follows when it
works out which calls are always allowed (``seccomp_is_const_allow``), and short: see ``tree``. Architectures share what
they have in common: x32 nearly all of x86_64's, and all of them the calls from 424 on, which have one number
everywhere.

- A call of an architecture that is not named kills the thread.
- A call newer than every call that the description names gets ENOSYS instead of a refusal, so that programs fall back
  to older calls; unless the default action lets calls pass.
- Calls of x86_64 that x32 does not have are answered as x86_64's: whatever the filter says, x32 has none.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Final

from corral.errors import Invalid
from corral.linux import bpf, seccomp
from corral.linux.bpf import Assembler, Label
from corral.oci.runtime import Seccomp
from corral.runtime.security.seccomp.architectures import ARCHITECTURES, X32_BIT, Architecture, native, numbers
from corral.runtime.security.seccomp.rules import Answer, Comparison, Rule, action_value, rules_by_number
from corral.runtime.security.seccomp.tree import Range, common_tail, range_tree, ranges

__all__ = ["compile_filter"]

_PERMISSIVE: Final = frozenset({"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"})
_CODES: Final = {"EQ": bpf.JUMP_EQUAL, "GE": bpf.JUMP_GREATER_EQUAL, "GT": bpf.JUMP_GREATER}
_LOW: Final = 0xFFFFFFFF
_SKIPPED: Final = 0xFFFFFFFF
"""-1, what a tracer leaves as the number of a call that is to be skipped: not a call of x32, though the bit is set."""

_X32_OWN: Final = 512
_X32_LAST: Final = 547
"""x32 has calls of its own in between, and will not get more; below, its numbers are x86_64's."""


def compile_filter(description: Seccomp, machine: str) -> bytes:
    """The program, an array of ``struct sock_filter``, for a machine by uname's name.

    Raises Invalid for actions, operators or architectures that do not exist, or when the program is too long.
    """
    return _Compiler(description, _architectures(description, machine)).program()


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


class _Compiler:
    def __init__(self, description: Seccomp, architectures: Sequence[Architecture]) -> None:
        self._description = description
        self._assembler = Assembler()
        self._answers: dict[Answer, Label] = {}
        self._default = action_value(description.default_action, description.default_errno_ret)
        self._beyond = self._default
        if description.default_action not in _PERMISSIVE:
            self._beyond = seccomp.SECCOMP_RET_ERRNO | errno.ENOSYS
        self._ranges = {architecture.name: self._ranges_of(architecture) for architecture in architectures}
        self._audits = {architecture.name: architecture.audit for architecture in architectures}

    def program(self) -> bytes:
        kill = self._assembler.return_(seccomp.SECCOMP_RET_KILL_THREAD)
        entries: dict[int, Label] = {}
        wide = self._ranges.pop("SCMP_ARCH_X86_64", None)
        x32 = self._ranges.pop("SCMP_ARCH_X32", None)
        plain = list(self._ranges.items())
        cut = common_tail([found for _, found in plain] + ([] if wide is None else [wide]))
        for name, found in reversed(plain):
            entries[self._audits[name]] = self._tree(found, cut)
        if wide is not None or x32 is not None:
            entries[seccomp.AUDIT_ARCH_X86_64] = self._x86_64(wide, x32, cut, kill)
        entry = kill
        for audit, label in entries.items():
            number = self._assembler.load(seccomp.DATA_NR, label)
            entry = self._assembler.branch(bpf.JUMP_EQUAL, audit, number, entry)
        entry = self._assembler.load(seccomp.DATA_ARCH, entry)
        try:
            return self._assembler.program(entry)
        except ValueError as error:
            raise Invalid(f"seccomp profile is too large: {error}") from error

    def _ranges_of(self, architecture: Architecture) -> list[Range]:
        rules, named = rules_by_number(self._description, architecture)
        if architecture.name != "SCMP_ARCH_X32":
            return ranges(rules, max(named, default=-1), self._default, self._beyond)
        # Its own are as old as x86_64's first ones: what is new is told by x86_64's numbers.
        _, named = rules_by_number(self._description, ARCHITECTURES["SCMP_ARCH_X86_64"])
        newest = max(named, default=-1)
        answers = {number & ~X32_BIT: answer for number, answer in rules.items()}
        answers |= {number: (Rule((), self._beyond),) for number in range(newest + 1, _X32_OWN)}
        return ranges(answers, _X32_LAST, self._default, self._beyond)

    def _x86_64(self, wide: list[Range] | None, x32: list[Range] | None, cut: int | None, kill: Label) -> Label:
        """Two architectures with one audit number, told apart by a bit of the call's."""
        wide_label = kill if wide is None else self._tree(wide, cut)
        x32_label = kill
        if x32 is not None:
            if wide is not None and _agree(wide, x32):
                own = self._tree([(0, _at(x32, _X32_OWN)), *((s, a) for s, a in x32 if s > _X32_OWN)])
                x32_label = self._assembler.branch(bpf.JUMP_GREATER_EQUAL, _X32_OWN, own, wide_label)
            else:
                x32_label = self._tree(x32)
            x32_label = self._assembler.and_(~X32_BIT & _LOW, x32_label)
        if x32 is None or wide is None:
            x32_label = self._assembler.branch(bpf.JUMP_EQUAL, _SKIPPED, wide_label, x32_label)
        return self._assembler.branch(bpf.JUMP_GREATER_EQUAL, X32_BIT, x32_label, wide_label)

    def _tree(self, found: Sequence[Range], cut: int | None = None) -> Label:
        """Expects the number in the accumulator."""
        return range_tree(self._assembler, [(start, self._answer(answer)) for start, answer in found], cut)

    def _answer(self, rules: Answer) -> Label:
        """Try the rules in order, then the default."""
        label = self._answers.get(rules)
        if label is None:
            assembler = self._assembler
            if not rules[-1].conditions:
                return self._assembler.return_(rules[-1].value)
            label = assembler.return_(self._default)
            for rule in reversed(rules):
                yes = assembler.return_(rule.value)
                for comparison in reversed(rule.conditions):
                    yes = _compare(assembler, comparison, yes, label)
                label = yes
            self._answers[rules] = label
        return label


def _agree(wide: Sequence[Range], x32: Sequence[Range]) -> bool:
    """Whether x86_64's tree answers for all calls that x32 has below its own."""
    ours = {number & ~X32_BIT for number in numbers("SCMP_ARCH_X32").values()}
    return all(_at(wide, number) == _at(x32, number) for number in ours if number < _X32_OWN)


def _at(found: Sequence[Range], number: int) -> Answer:
    answer: Answer = ()
    for start, here in found:
        if start > number:
            break
        answer = here
    return answer


def _compare(assembler: Assembler, comparison: Comparison, yes: Label, no: Label) -> Label:
    """Compare one argument; both halves where both count, the upper first. Data are little-endian."""
    if comparison.negated:
        yes, no = no, yes
    code, mask, value = _CODES[comparison.op], comparison.mask, comparison.value
    low = seccomp.DATA_ARGS + 8 * comparison.index
    label = _load(assembler, low, mask & _LOW, assembler.branch(code, value & _LOW, yes, no))
    if not mask >> 32:
        return label
    label = assembler.branch(bpf.JUMP_EQUAL, value >> 32, label, no)
    if code != bpf.JUMP_EQUAL:
        label = assembler.branch(bpf.JUMP_GREATER, value >> 32, yes, label)
    return _load(assembler, low + 4, mask >> 32, label)


def _load(assembler: Assembler, offset: int, mask: int, then: Label) -> Label:
    if mask != _LOW:
        then = assembler.and_(mask, then)
    return assembler.load(offset, then)
