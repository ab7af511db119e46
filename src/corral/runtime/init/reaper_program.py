"""The reaper's machine code: process 1 of a container with ``--init``, in some 250 bytes, so that no compiler, no
package and no file of the host is needed, and nothing of Python stays in the container.

It is started with all signals blocked, which makes the kernel queue them even for process 1. In C::

    for (;;) {
        int sig = rt_sigtimedwait(&forwarded_or_SIGCHLD, NULL, NULL, 8);
        if (sig <= 0) continue;
        if (sig != SIGCHLD) { kill(child, sig); continue; }
        while ((pid = wait4(-1, &status, WNOHANG, NULL)) > 0)
            if (pid == child) code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        if (code >= 0) exit_group(code);
    }
"""

from __future__ import annotations

import signal
import struct
from typing import Final

__all__ = ["BASE", "START", "Code", "call", "elf", "loop_aarch64", "loop_x86_64", "move", "program"]

BASE: Final = 0x400000
_EHDR: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR: Final = struct.Struct("<IIQQQQQQ")
START: Final = _EHDR.size + 2 * _PHDR.size
"""What comes after the headers is here, in the file and above BASE."""
_PT_LOAD: Final = 1
_PT_GNU_STACK: Final = 0x6474E551
_EM: Final = {"x86_64": 62, "aarch64": 183}

_KEPT: Final = (
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGABRT,
    signal.SIGTRAP,
    signal.SIGSYS,
    signal.SIGTTIN,
    signal.SIGTTOU,
)
"""Not forwarded: they say something about the reaper itself."""
_FORWARDED: Final = sum(1 << (number - 1) for number in range(1, 65) if number not in _KEPT)


class Code:
    """Bytes with labels; a jump is a displacement of one byte, a far one of four (x86-64), or a field of 19 or 26 bits
    (aarch64)."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self._labels: dict[str, int] = {}
        self._jumps: list[tuple[int, str]] = []
        self._far_jumps: list[tuple[int, str]] = []

    def label(self, name: str) -> None:
        self._labels[name] = len(self.bytes)

    def add(self, text: str) -> None:
        self.bytes += bytes.fromhex(text)

    def jump(self, opcode: str, target: str) -> None:
        self.add(opcode)
        self._jumps.append((len(self.bytes), target))
        self.bytes.append(0)

    def far_jump(self, opcode: str, target: str) -> None:
        self.add(opcode)
        self._far_jumps.append((len(self.bytes), target))
        self.bytes += bytes(4)

    def word(self, instruction: int) -> None:
        self.bytes += struct.pack("<I", instruction)

    def branch(self, instruction: int, target: str) -> None:
        self._jumps.append((len(self.bytes), target))
        self.word(instruction)

    def link_x86(self) -> bytes:
        for position, target in self._jumps:
            struct.pack_into("<b", self.bytes, position, self._labels[target] - position - 1)
        for position, target in self._far_jumps:
            struct.pack_into("<i", self.bytes, position, self._labels[target] - position - 4)
        return bytes(self.bytes)

    def link_arm(self) -> bytes:
        for position, target in self._jumps:
            (instruction,) = struct.unpack_from("<I", self.bytes, position)
            words = (self._labels[target] - position) // 4
            unconditional = instruction >> 26 == 0b000101
            instruction |= words & 0x3FFFFFF if unconditional else (words & 0x7FFFF) << 5
            struct.pack_into("<I", self.bytes, position, instruction)
        return bytes(self.bytes)


def program(child: int, machine: str) -> bytes | None:
    """A static ELF file for process 1 whose program is process ``child``; None for a machine that is not known."""
    code = Code()
    if machine == "x86_64":
        code.add("41BC" + struct.pack("<I", child).hex())  # mov r12d, child
        loop_x86_64(code)
        return elf(b"", code.link_x86(), machine)
    if machine == "aarch64":
        move(code, 19, child)
        loop_aarch64(code)
        return elf(b"", code.link_arm(), machine)
    return None


def elf(data: bytes, code: bytes, machine: str) -> bytes:
    """A static ELF file: ``data`` at START, ``code`` behind it."""
    size = START + len(data) + len(code)
    header = _EHDR.pack(
        b"\x7fELF\x02\x01\x01".ljust(16, b"\0"),
        2,  # ET_EXEC
        _EM[machine],
        1,
        BASE + START + len(data),
        _EHDR.size,
        0,
        0,
        _EHDR.size,
        _PHDR.size,
        2,
        0,
        0,
        0,
    )
    load = _PHDR.pack(_PT_LOAD, 5, 0, BASE, BASE, size, size, 0x10000)
    stack = _PHDR.pack(_PT_GNU_STACK, 6, 0, 0, 0, 0, 0, 16)
    return header + load + stack + data + code


def loop_x86_64(code: Code) -> None:
    """r12: the child, r13: its exit code or -1; [rsp]: wait status, [rsp+8]: the set of signals."""
    code.add("4983CDFF")  # or r13, -1
    code.add("48B8" + struct.pack("<Q", _FORWARDED).hex())  # mov rax, signals
    code.add("50 50")  # push rax; push rax
    code.label("wait")
    code.add("488D7C2408 31F6 31D2 6A08 415A")  # rdi = rsp+8; esi = edx = 0; r10 = 8
    code.add("B880000000 0F05")  # rt_sigtimedwait
    code.add("85C0")
    code.jump("7E", "wait")  # test eax, eax; jle wait
    code.add("83F811")
    code.jump("74", "reap")  # cmp eax, SIGCHLD; je reap
    code.add("4489E7 89C6 6A3E 58 0F05")  # kill(r12d, eax)
    code.jump("EB", "wait")
    code.label("reap")
    code.add("6AFF 5F 4889E6 6A01 5A 4531D2 6A3D 58 0F05")  # wait4(-1, rsp, WNOHANG, NULL)
    code.add("85C0")
    code.jump("7E", "done")  # test eax, eax; jle done
    code.add("4439E0")
    code.jump("75", "reap")  # cmp eax, r12d; jne reap
    code.add("8B0424 89C1 83E17F")  # eax = status; ecx = status & 127
    code.jump("74", "exited")
    code.add("448DA980000000")  # r13d = 128 + ecx
    code.jump("EB", "reap")
    code.label("exited")
    code.add("C1E808 25FF000000 4189C5")  # r13d = status >> 8 & 255
    code.jump("EB", "reap")
    code.label("done")
    code.add("4585ED")
    code.jump("78", "wait")  # test r13d, r13d; js wait
    code.add("4489EF B8E7000000 0F05")  # exit_group(r13d)


def loop_aarch64(code: Code) -> None:
    """w19: the child, w20: its exit code or -1; [sp]: wait status, [sp+8]: the set of signals."""
    code.word(0x12800014)  # movn w20, #0
    move(code, 9, _FORWARDED)
    code.word(0xA9BF27E9)  # stp x9, x9, [sp, #-16]!
    code.label("wait")
    code.word(0x910023E0)  # add x0, sp, #8
    code.word(0xD2800001)  # mov x1, #0
    code.word(0xD2800002)  # mov x2, #0
    code.word(0xD2800103)  # mov x3, #8
    call(code, 137)  # rt_sigtimedwait
    code.word(0x7100001F)  # cmp w0, #0
    code.branch(0x5400000D, "wait")  # b.le
    code.word(0x7100441F)  # cmp w0, #17
    code.branch(0x54000000, "reap")  # b.eq
    code.word(0x2A0003E1)  # mov w1, w0
    code.word(0x2A1303E0)  # mov w0, w19
    call(code, 129)  # kill
    code.branch(0x14000000, "wait")  # b
    code.label("reap")
    code.word(0x92800000)  # mov x0, #-1
    code.word(0x910003E1)  # mov x1, sp
    code.word(0xD2800022)  # mov x2, #WNOHANG
    code.word(0xD2800003)  # mov x3, #0
    call(code, 260)  # wait4
    code.word(0x7100001F)  # cmp w0, #0
    code.branch(0x5400000D, "done")  # b.le
    code.word(0x6B13001F)  # cmp w0, w19
    code.branch(0x54000001, "reap")  # b.ne
    code.word(0xB94003E1)  # ldr w1, [sp]
    code.word(0x12001822)  # and w2, w1, #127
    code.branch(0x34000002, "exited")  # cbz w2
    code.word(0x11020054)  # add w20, w2, #128
    code.branch(0x14000000, "reap")
    code.label("exited")
    code.word(0x53083C34)  # ubfx w20, w1, #8, #8
    code.branch(0x14000000, "reap")
    code.label("done")
    code.word(0x7100029F)  # cmp w20, #0
    code.branch(0x5400000B, "wait")  # b.lt
    code.word(0x2A1403E0)  # mov w0, w20
    call(code, 94)  # exit_group


def move(code: Code, register: int, value: int) -> None:
    """movz and movk, sixteen bits at a time."""
    code.word(0xD2800000 | (value & 0xFFFF) << 5 | register)
    for part in range(1, 4):
        code.word(0xF2800000 | part << 21 | (value >> 16 * part & 0xFFFF) << 5 | register)


def call(code: Code, number: int) -> None:
    code.word(0xD2800008 | number << 5)  # mov x8, number
    code.word(0xD4000001)  # svc #0
