"""The trampoline's machine code, some 250 bytes beside the kernel's words for errors; see ``trampoline``.

It is given the path of the program, and the program's arguments behind it. In C::

    if (memcmp(getauxval(AT_EXECFN), "/dev/fd/", 8))        // the name that execveat(2) gives to a descriptor
        error = EACCES;                                     // who calls us otherwise has found us by /proc/self/exe
    else {
        execve(argv[0], argv + 1, envp);
        error = errno;
    }
    write(2, "exec ", 5); write(2, argv[0], strlen(argv[0])); write(2, ": ", 2);
    write(2, words[error], strlen(words[error]));
    exit_group(255);
"""

from __future__ import annotations

import errno
import os
import struct
from typing import Final

from corral.runtime.init.failure import words
from corral.runtime.init.reaper_program import BASE, START, Code, call, elf, move

__all__ = ["program"]

_NAME: Final = int.from_bytes(b"/dev/fd/", "little")
_AT_EXECFN: Final = 31
_KNOWN: Final = 134
"""Errors of Linux are below."""
_UNKNOWN: Final = "unknown error"
_FAILED: Final = 255
_BEFORE: Final = b"exec "
_BEHIND: Final = b": "


def program(machine: str) -> bytes | None:
    """A static ELF file; None for a machine that is not known."""
    offsets, texts = [], b""
    for number in range(_KNOWN):
        text = os.fsencode(words(OSError(number, "")) if number in errno.errorcode else _UNKNOWN) + b"\n"
        offsets.append(2 * _KNOWN + len(texts))
        texts += bytes((len(text),)) + text
    data = struct.pack(f"<{_KNOWN}H", *offsets) + texts
    before = BASE + START + len(data)
    data += _BEFORE + _BEHIND
    data = data.ljust(-(-len(data) // 16) * 16, b"\0")
    code = Code()
    if machine == "x86_64":
        _x86_64(code, BASE + START, before)
        return elf(data, code.link_x86(), machine)
    if machine == "aarch64":
        _aarch64(code, BASE + START, before)
        return elf(data, code.link_arm(), machine)
    return None


def _x86_64(code: Code, table: int, before: int) -> None:
    """rbx: argc and what follows it; r12: the path; r13: envp; r14: the error."""

    def write(rsi: int, length: int) -> None:
        code.add("BE" + struct.pack("<I", rsi).hex() + f"6A{length:02X} 5A")  # mov esi, rsi; push length; pop rdx
        code.add(_WRITE)

    code.add("4889E3 4C8B6308 488B03 4C8D6CC310")  # rbx = rsp; r12 = argv[0]; rax = argc; r13 = envp
    code.add("4C89EE")  # mov rsi, r13
    code.label("environment")
    code.add("48AD 4885C0")  # lodsq; test rax, rax
    code.jump("75", "environment")
    code.label("vector")
    code.add("48AD 4889C2 48AD")  # rdx, rax = type, value
    code.add(f"4883FA{_AT_EXECFN:02X}")  # cmp rdx, AT_EXECFN
    code.jump("74", "name")
    code.add("4885D2")  # test rdx, rdx
    code.jump("75", "vector")
    code.jump("EB", "refuse")
    code.label("name")
    code.add("48B9" + struct.pack("<Q", _NAME).hex() + "483908")  # mov rcx, "/dev/fd/"; cmp [rax], rcx
    code.jump("75", "refuse")
    code.add("4C89E7 488D7310 4C89EA 6A3B 58 0F05")  # execve(r12, rbx + 16, r13)
    code.add("F7D8 4189C6")  # r14d = -eax
    code.jump("EB", "say")
    code.label("refuse")
    code.add(f"6A{errno.EACCES:02X} 415E")  # push EACCES; pop r14
    code.label("say")
    write(before, len(_BEFORE))
    code.add("4C89E7 31C0 4883C9FF F2AE 48F7D1 48FFC9")  # rdi = r12; rcx = strlen(rdi)
    code.add("4889CA 4C89E6" + _WRITE)
    write(before + len(_BEFORE), len(_BEHIND))
    code.add("4181FE" + struct.pack("<I", _KNOWN).hex())  # cmp r14d, _KNOWN
    code.jump("72", "known")
    code.add("4531F6")  # xor r14d, r14d
    code.label("known")
    code.add("420FB70475" + struct.pack("<I", table).hex())  # movzx eax, word [table + 2 * r14]
    code.add("488DB0" + struct.pack("<I", table).hex())  # lea rsi, [rax + table]
    code.add("0FB616 48FFC6" + _WRITE)  # movzx edx, byte [rsi]; inc rsi
    code.add("BF" + struct.pack("<I", _FAILED).hex() + "B8E7000000 0F05")  # exit_group(_FAILED)


_WRITE: Final = "6A02 5F 6A01 58 0F05"
"""x86-64: to standard error, rdx bytes at rsi."""


def _aarch64(code: Code, table: int, before: int) -> None:
    """x19: argc and what follows it; x20: the path; x21: envp; x22: the error."""

    def write(address: int, length: int) -> None:
        move(code, 1, address)
        move(code, 2, length)
        move(code, 0, 2)
        call(code, 64)  # write

    code.word(0x910003F3)  # mov x19, sp
    code.word(0xF9400674)  # ldr x20, [x19, #8]
    code.word(0xF9400269)  # ldr x9, [x19]
    code.word(0x8B090E75)  # add x21, x19, x9, lsl #3
    code.word(0x910042B5)  # add x21, x21, #16
    code.word(0xAA1503EA)  # mov x10, x21
    code.label("environment")
    code.word(0xF8408549)  # ldr x9, [x10], #8
    code.branch(0xB5000009, "environment")  # cbnz x9
    code.label("vector")
    code.word(0xA8C12D49)  # ldp x9, x11, [x10], #16
    code.word(0xF100013F | _AT_EXECFN << 10)  # cmp x9, #AT_EXECFN
    code.branch(0x54000000, "name")  # b.eq
    code.branch(0xB5000009, "vector")  # cbnz x9
    code.branch(0x14000000, "refuse")  # b
    code.label("name")
    code.word(0xF940016B)  # ldr x11, [x11]
    move(code, 12, _NAME)
    code.word(0xEB0C017F)  # cmp x11, x12
    code.branch(0x54000001, "refuse")  # b.ne
    code.word(0xAA1403E0)  # mov x0, x20
    code.word(0x91004261)  # add x1, x19, #16
    code.word(0xAA1503E2)  # mov x2, x21
    call(code, 221)  # execve
    code.word(0xCB0003F6)  # neg x22, x0
    code.branch(0x14000000, "say")  # b
    code.label("refuse")
    move(code, 22, errno.EACCES)
    code.label("say")
    write(before, len(_BEFORE))
    code.word(0xAA1403E1)  # mov x1, x20
    move(code, 2, 0)
    code.label("length")
    code.word(0x38626829)  # ldrb w9, [x1, x2]
    code.branch(0x34000009, "counted")  # cbz w9
    code.word(0x91000442)  # add x2, x2, #1
    code.branch(0x14000000, "length")  # b
    code.label("counted")
    move(code, 0, 2)
    call(code, 64)  # write
    write(before + len(_BEFORE), len(_BEHIND))
    code.word(0xF10002DF | _KNOWN << 10)  # cmp x22, #_KNOWN
    code.branch(0x54000003, "known")  # b.lo
    move(code, 22, 0)
    code.label("known")
    move(code, 9, table)
    code.word(0x7876792A)  # ldrh w10, [x9, x22, lsl #1]
    code.word(0x8B0A0121)  # add x1, x9, x10
    code.word(0x38401422)  # ldrb w2, [x1], #1
    move(code, 0, 2)
    call(code, 64)  # write
    move(code, 0, _FAILED)
    call(code, 94)  # exit_group
