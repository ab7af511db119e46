"""Finding a system call's answer by its number: ranges, and a decision tree over them.

Most lists are long stretches of one answer with single calls in them that have another. A tree over the stretches
whose leaves ask for their few exceptions by equality is about half as long as one over all ranges, and what counts at
the start of a container is length: the kernel checks, translates and compiles the program for every one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from corral.linux import bpf
from corral.linux.bpf import Assembler, Label
from corral.runtime.security.seccomp.rules import Answer, Rule

__all__ = ["Range", "common_tail", "range_tree", "ranges"]

Range = tuple[int, Answer]
"""From a number up to the next range's; the first begins at 0 and the last has no end."""

_EXCEPTIONS: Final = 4
"""A leaf asks for so many calls, one after the other."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """``exceptions``: single numbers in it that have other answers."""

    start: int
    answer: Label
    exceptions: tuple[tuple[int, Label], ...]


def ranges(rules: dict[int, Answer], highest: int, default: int, beyond: int) -> list[Range]:
    """``default`` is the answer to numbers without rules up to ``highest``, ``beyond`` to those above."""
    otherwise = (Rule((), default),)
    last = (Rule((), beyond),)
    found: list[Range] = [(0, otherwise if highest >= 0 else last)]

    def add(start: int, answer: Answer) -> None:
        if found[-1][0] == start:
            found.pop()
        if not found or found[-1][1] != answer:
            found.append((start, answer))

    for number in sorted(rules):
        add(number, rules[number])
        add(number + 1, otherwise)
    add(highest + 1, last)
    return found


def common_tail(lists: Sequence[Sequence[Range]]) -> int | None:
    """The lowest range start from which on all lists say the same: their trees can share that part."""
    start = None
    for position in range(1, min(len(found) for found in lists) + 1):
        if len({found[-position] for found in lists}) > 1:
            break
        start = lists[0][-position][0]
    return start or None


def range_tree(assembler: Assembler, given: Sequence[tuple[int, Label]], cut: int | None = None) -> Label:
    """The tree over ``(start, label)``; expects the number in the accumulator. ``cut``: the first question."""
    if cut is not None and given[0][0] < cut <= given[-1][0]:
        high = range_tree(assembler, [item for item in given if item[0] >= cut])
        low = range_tree(assembler, [item for item in given if item[0] < cut])
        return assembler.branch(bpf.JUMP_GREATER_EQUAL, cut, high, low)
    return _tree(assembler, _stretches(given))


def _stretches(given: Sequence[tuple[int, Label]]) -> list[_Stretch]:
    found: list[_Stretch] = []
    position = 0
    while position < len(given):
        start, answer = given[position]
        position += 1
        exceptions: list[tuple[int, Label]] = []
        while position + 1 < len(given) and given[position + 1] == (given[position][0] + 1, answer):
            exceptions.append(given[position])
            position += 2
        while len(exceptions) > _EXCEPTIONS:
            found.append(_Stretch(start, answer, tuple(exceptions[:_EXCEPTIONS])))
            start = exceptions[_EXCEPTIONS - 1][0] + 1
            del exceptions[:_EXCEPTIONS]
        found.append(_Stretch(start, answer, tuple(exceptions)))
    return found


def _tree(assembler: Assembler, stretches: Sequence[_Stretch]) -> Label:
    if len(stretches) == 1:
        label = stretches[0].answer
        for number, other in reversed(stretches[0].exceptions):
            label = assembler.branch(bpf.JUMP_EQUAL, number, other, label)
        return label
    middle = len(stretches) // 2
    high = _tree(assembler, stretches[middle:])
    low = _tree(assembler, stretches[:middle])
    return assembler.branch(bpf.JUMP_GREATER_EQUAL, stretches[middle].start, high, low)
