"""The last thing but one that an exec executes, see ``birth``: a program of some hundred instructions, in C::

    what = argv[0][0];                                      // '@' + descriptor, and a bit for a terminal
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, what & 15, 0);
    close(what & 15);
    madvise(page, 4096, MADV_DONTFORK);
    pid = clone(CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD, NULL, page);
    if (pid) exit_group(pid < 0 ? -pid : 0);                // as with each of the calls above
    setsid();
    if (what & 32) ioctl(0, TIOCSCTTY, 0);
    execve(argv[1], argv + 3, envp);
    write(2, argv[2], strlen(argv[2]));
    write(2, reason, its length); exit_group(255);

What the child has in its memory is its arguments and this. How an execve has failed stands in a table of the file's.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import Final

from corral.runtime.init.failure import words
from corral.runtime.init.reaper_program import BASE, START, Code, call, elf, move

__all__ = ["ARGUMENTS", "CALLS", "FIRST", "MOST", "TERMINAL", "program"]

FIRST: Final = ord("@")
"""Added to the number of the descriptor."""
MOST: Final = 15
"""It is at most this."""
TERMINAL: Final = 32

_ENTRY: Final = 64
"""Bytes of the table for each errno: a length, a text."""
_KNOWN: Final = 134
_FLAGS: Final = 0x108000 | 17
_EXEC_FAILED: Final = 255

CALLS: Final = {
    # mmap, close, madvise, clone, exit_group, setsid, ioctl, execve, write; and execveat, which brings all this about.
    "x86_64": (9, 3, 28, 56, 231, 112, 16, 59, 1, 322),
    "aarch64": (222, 57, 233, 220, 94, 157, 29, 221, 64, 281),
}
"""By machine, the numbers of all that is called from the moment on when everything has been given up."""
ARGUMENTS: Final = ((0, 4096, 3, 1), (), (0, 4096, 10), (_FLAGS,), (), (), (0, 0x540E), (), (2,), ())
"""What is known of their arguments."""


def program(machine: str) -> bytes | None:
    """A static ELF file; None for a machine that is not known."""
    table = b"".join(_entry(number) for number in range(_KNOWN))
    code = Code()
    if machine == "x86_64":
        _x86_64(code)
        return elf(table, code.link_x86(), machine)
    if machine == "aarch64":
        _aarch64(code)
        return elf(table, code.link_arm(), machine)
    return None


def _entry(number: int) -> bytes:
    text = words(OSError(number, "")) if number in errno.errorcode else "unknown error"
    line = os.fsencode(f"{text}\n")[: _ENTRY - 1]
    return bytes([len(line)]) + line.ljust(_ENTRY - 1, b"\0")


def _x86_64(code: Code) -> None:
    """rbx: argc and what follows it; ebp: what; r12: the page, later the errno."""
    code.add("4889E3 488B4308 0FB628")  # mov rbx, rsp; mov rax, [rbx+8]; movzx ebp, byte [rax]
    code.add("31FF BE00100000 6A03 5A 6A01 415A 4189E8 4183E00F 4531C9 6A09 58 0F05")  # mmap
    code.add("4989C4 4885C0")  # mov r12, rax; test rax, rax
    code.jump("78", "failed")
    code.add("4489C7 6A03 58 0F05")  # close(r8d)
    code.add("4C89E7 BE00100000 6A0A 5A 6A1C 58 0F05 85C0")  # madvise
    code.jump("75", "failed")
    code.add("BF" + struct.pack("<I", _FLAGS).hex() + "31F6 4C89E2 4531D2 4531C0 6A38 58 0F05 85C0")  # clone
    code.jump("74", "child")
    code.jump("78", "failed")
    code.add("31C0")  # xor eax, eax
    code.label("failed")
    code.add("F7D8 89C7")  # edi = -eax
    code.jump("EB", "exit")
    code.label("child")
    code.add("6A70 58 0F05")  # setsid
    code.add("40F6C5" + bytes([TERMINAL]).hex())  # test bpl, TERMINAL
    code.jump("74", "execute")
    code.add("31FF BE0E540000 31D2 6A10 58 0F05")  # ioctl(0, TIOCSCTTY, 0)
    code.label("execute")
    code.add("488B7B10 488D7320 488B03 488D54C310 6A3B 58 0F05")  # execve(argv[1], argv + 3, envp)
    code.add("F7D8 4189C4")  # r12d = -eax
    code.add("488B7B18 4889FE 31C0 4883C9FF F2AE 48F7D1 48FFC9 4889CA 6A02 5F 6A01 58 0F05")  # write(2, argv[2])
    code.add("4181FC" + struct.pack("<I", _KNOWN).hex())  # cmp r12d, _KNOWN
    code.jump("72", "known")
    code.add("4531E4")  # xor r12d, r12d
    code.label("known")
    code.add("41C1E406 BE" + struct.pack("<I", BASE + START).hex() + "4C01E6")  # rsi = table + (r12d << 6)
    code.add("0FB616 48FFC6 6A02 5F 6A01 58 0F05")  # write(2, rsi + 1, [rsi])
    code.add("BF" + struct.pack("<I", _EXEC_FAILED).hex())
    code.label("exit")
    code.add("B8E7000000 0F05")  # exit_group(edi)


def _aarch64(code: Code) -> None:
    """x21: argc and what follows it; w22: what; x23: the page; w24: the errno."""
    code.word(0x910003F5)  # mov x21, sp
    code.word(0xF94006A9)  # ldr x9, [x21, #8]
    code.word(0x39400136)  # ldrb w22, [x9]
    for register, value in ((0, 0), (1, 4096), (2, 3), (3, 1), (5, 0)):
        move(code, register, value)
    code.word(0x12000EC4)  # and w4, w22, #15
    call(code, 222)  # mmap
    code.word(0xAA0003F7)  # mov x23, x0
    code.word(0xF100001F)  # cmp x0, #0
    code.branch(0x5400000B, "failed")  # b.lt
    code.word(0x12000EC0)  # and w0, w22, #15
    call(code, 57)  # close
    code.word(0xAA1703E0)  # mov x0, x23
    move(code, 1, 4096)
    move(code, 2, 10)
    call(code, 233)  # madvise
    code.branch(0xB5000000, "failed")  # cbnz x0
    for register, value in ((0, _FLAGS), (1, 0), (3, 0), (4, 0)):
        move(code, register, value)
    code.word(0xAA1703E2)  # mov x2, x23
    call(code, 220)  # clone
    code.branch(0xB4000000, "child")  # cbz x0
    code.word(0xF100001F)  # cmp x0, #0
    code.branch(0x5400000B, "failed")  # b.lt
    move(code, 0, 0)
    code.label("failed")
    code.word(0x4B0003E0)  # neg w0, w0
    code.branch(0x14000000, "exit")  # b
    code.label("child")
    call(code, 157)  # setsid
    code.word(0x721B02DF)  # tst w22, #TERMINAL
    code.branch(0x54000000, "execute")  # b.eq
    for register, value in ((0, 0), (1, 0x540E), (2, 0)):
        move(code, register, value)
    call(code, 29)  # ioctl
    code.label("execute")
    code.word(0xF9400AA0)  # ldr x0, [x21, #16]
    code.word(0x910082A1)  # add x1, x21, #32
    code.word(0xF94002A9)  # ldr x9, [x21]
    code.word(0x8B090EA2)  # add x2, x21, x9, lsl #3
    code.word(0x91004042)  # add x2, x2, #16
    call(code, 221)  # execve
    code.word(0x4B0003F8)  # neg w24, w0
    code.word(0xF9400EA1)  # ldr x1, [x21, #24]
    move(code, 2, 0)
    code.label("count")
    code.word(0x38626829)  # ldrb w9, [x1, x2]
    code.branch(0x34000009, "counted")  # cbz w9
    code.word(0x91000442)  # add x2, x2, #1
    code.branch(0x14000000, "count")  # b
    code.label("counted")
    move(code, 0, 2)
    call(code, 64)  # write
    code.word(0x71021B1F)  # cmp w24, #_KNOWN
    code.branch(0x54000003, "known")  # b.lo
    move(code, 24, 0)
    code.label("known")
    move(code, 1, BASE + START)
    code.word(0x8B181821)  # add x1, x1, x24, lsl #6
    code.word(0x38401422)  # ldrb w2, [x1], #1
    move(code, 0, 2)
    call(code, 64)  # write
    move(code, 0, _EXEC_FAILED)
    code.label("exit")
    call(code, 94)  # exit_group
