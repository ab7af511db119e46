"""Classic BPF as seccomp(2) takes it: instructions, and an assembler that builds programs from their end.

All jumps of classic BPF go forwards, and conditional ones reach 255 instructions. Built from the end, every target
exists when a jump to it is written, so distances are known at once, equal tails are shared, and what is out of reach
gets an unconditional jump in between, which reaches everywhere.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, NewType

__all__ = ["BPF_MAXINSNS", "Assembler", "Instruction", "Label", "decode"]

BPF_MAXINSNS: Final = 4096

LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS: a 32-bit word of the data
JUMP: Final = 0x05  # BPF_JMP | BPF_JA
JUMP_EQUAL: Final = 0x15
JUMP_GREATER: Final = 0x25
JUMP_GREATER_EQUAL: Final = 0x35
AND: Final = 0x54
RETURN: Final = 0x06

_RECORD: Final = struct.Struct("=HBBI")
_REACH: Final = 255

Label = NewType("Label", int)
"""An instruction by its distance from the end of the program: the last one is 0."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """``struct sock_filter``."""

    code: int
    jt: int
    jf: int
    k: int


def decode(program: bytes) -> list[Instruction]:
    """The instructions of a program as the kernel has it."""
    return [Instruction(*fields) for fields in _RECORD.iter_unpack(program)]


class Assembler:
    """Every method writes in front of what is there and returns the label of what it wrote."""

    def __init__(self) -> None:
        self._reversed: list[Instruction] = []
        self._returns: dict[int, Label] = {}
        self._known: dict[tuple[int, int, Label, Label], Label] = {}

    def return_(self, value: int) -> Label:
        """End with ``value``. Written once; later calls find it again, or write a copy when it is far away."""
        known = self._returns.get(value)
        if known is not None and len(self._reversed) - known <= _REACH:
            return known
        self._returns[value] = label = self._write(RETURN, 0, 0, value)
        return label

    def load(self, offset: int, then: Label) -> Label:
        """The accumulator becomes the word at ``offset``."""
        self._fall_into(then)
        return self._write(LOAD, 0, 0, offset)

    def and_(self, mask: int, then: Label) -> Label:
        """The accumulator loses the bits that are not in ``mask``."""
        self._fall_into(then)
        return self._write(AND, 0, 0, mask)

    def branch(self, code: int, k: int, yes: Label, no: Label) -> Label:
        """One of the conditional jumps, comparing the accumulator with ``k``. Written once; found again later."""
        # A trampoline for one target moves the other by one instruction, so the order is: far ones first.
        if yes == no:
            return yes
        wanted = (code, k, yes, no)
        known = self._known.get(wanted)
        if known is not None:
            return known
        while max(self._distance(yes), self._distance(no)) > _REACH:
            if self._distance(yes) >= self._distance(no):
                yes = self._write(JUMP, 0, 0, self._distance(yes))
            else:
                no = self._write(JUMP, 0, 0, self._distance(no))
        self._known[wanted] = label = self._write(code, self._distance(yes), self._distance(no), k)
        return label

    def program(self, entry: Label) -> bytes:
        """The finished program, which begins at ``entry``. Raises ValueError when it is too long for the kernel."""
        self._fall_into(entry)
        if len(self._reversed) > BPF_MAXINSNS:
            raise ValueError(f"filter of {len(self._reversed)} instructions exceeds {BPF_MAXINSNS}")
        return b"".join(_RECORD.pack(i.code, i.jt, i.jf, i.k) for i in reversed(self._reversed))

    def _distance(self, target: Label) -> int:
        """How many instructions a jump written next would skip."""
        return len(self._reversed) - 1 - target

    def _fall_into(self, target: Label) -> None:
        """Make sure that the instruction in front of which the next one is written is ``target``, or leads to it."""
        if self._distance(target):
            self._write(JUMP, 0, 0, self._distance(target))

    def _write(self, code: int, jt: int, jf: int, k: int) -> Label:
        self._reversed.append(Instruction(code, jt, jf, k & 0xFFFFFFFF))
        return Label(len(self._reversed) - 1)
