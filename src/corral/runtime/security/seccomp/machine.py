"""What a compiled filter says to a system call: a classic BPF machine, as far as such filters use it."""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence

from corral.linux.bpf import Instruction, decode

__all__ = ["data", "run"]


def data(audit: int, number: int, args: Sequence[int] = ()) -> bytes:
    """``struct seccomp_data``, little-endian."""
    padded = [*args, *[0] * (6 - len(args))]
    return struct.pack("<IIQ6Q", number, audit, 0, *padded)


@functools.lru_cache(8)
def _decoded(program: bytes) -> list[Instruction]:
    return decode(program)


def run(program: bytes, seccomp_data: bytes) -> int:
    """What the filter returns. Raises IndexError for a jump out of the program, ValueError for other instructions."""
    instructions = _decoded(program)
    accumulator = 0
    position = 0
    while True:
        instruction = instructions[position]
        position += 1
        match instruction.code:
            case 0x20:
                if instruction.k % 4 or instruction.k > 60:
                    raise ValueError(f"load at {instruction.k}")
                (accumulator,) = struct.unpack_from("<I", seccomp_data, instruction.k)
            case 0x54:
                accumulator &= instruction.k
            case 0x05:
                position += instruction.k
            case 0x15:
                position += instruction.jt if accumulator == instruction.k else instruction.jf
            case 0x25:
                position += instruction.jt if accumulator > instruction.k else instruction.jf
            case 0x35:
                position += instruction.jt if accumulator >= instruction.k else instruction.jf
            case 0x06:
                return instruction.k
            case code:
                raise ValueError(f"instruction {code:#x}")
