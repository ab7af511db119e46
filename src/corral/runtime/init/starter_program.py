"""The reaper for runtimes that are not ours: a program of some 500 bytes that is mounted into the container, forks, has
its child execute the user's program, and is then what ``reaper_program`` is.

Our own runtime forks before the reaper is executed, and so reports what cannot be executed as a failure to start.
Another one can only be told to start the reaper, which then has to find the program itself, as Docker's init does:
where to look is known before and is a part of the file. It is called as ``NAME -- PROGRAM ARGUMENT...``. In C::

    rt_sigprocmask(SIG_SETMASK, &all, NULL, 8);
    if ((child = fork()) == 0) {
        setpgid(0, 0); pid = getpid(); ioctl(0, TIOCSPGRP, &pid);
        rt_sigprocmask(SIG_SETMASK, &none, NULL, 8);
        for (char **path = candidates; *path; path++) execve(*path, argv + 2, envp);
        write(2, message, length); exit_group(127);
    }
    ... the reaper's loop
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from corral.runtime.init.reaper_program import BASE, START, Code, call, elf, loop_aarch64, loop_x86_64, move

__all__ = ["candidates", "program"]


def candidates(name: str, path: str) -> list[str]:
    """The files that ``name`` may mean, in the order in which they are tried."""
    if "/" in name:
        return [name]
    return [f"{directory or '.'}/{name}" for directory in path.split(":")]


def program(paths: Sequence[str], message: str, machine: str) -> bytes | None:
    """A static ELF file that starts the first of ``paths`` that can be executed, or says ``message`` and ends with 127.

    None for a machine that is not known.
    """
    texts = [os.fsencode(text) for text in paths]
    words = os.fsencode(message)
    table = BASE + START
    strings = table + 8 * (len(texts) + 1)
    places, blob = [], b""
    for text in texts:
        places.append(strings + len(blob))
        blob += text + b"\0"
    said = strings + len(blob)
    data = struct.pack(f"<{len(texts) + 1}Q", *places, 0) + blob + words
    data = data.ljust(-(-len(data) // 16) * 16, b"\0")
    code = Code()
    if machine == "x86_64":
        _start_x86_64(code, table, said, len(words))
        loop_x86_64(code)
        return elf(data, code.link_x86(), machine)
    if machine == "aarch64":
        _start_aarch64(code, table, said, len(words))
        loop_aarch64(code)
        return elf(data, code.link_arm(), machine)
    return None


def _start_x86_64(code: Code, table: int, message: int, length: int) -> None:
    """rbx: argc and what follows it; leaves the child in r12."""
    code.add("4889E3")  # mov rbx, rsp
    code.add("6AFF 4889E6 6A02 5F 31D2 6A08 415A 6A0E 58 0F05")  # rt_sigprocmask(SIG_SETMASK, {-1}, NULL, 8)
    code.add("6A39 58 0F05 85C0")  # fork; test eax, eax
    code.far_jump("0F85", "parent")  # jne
    code.add("31FF 31F6 6A6D 58 0F05")  # setpgid(0, 0)
    code.add("6A27 58 0F05 50")  # getpid; push rax
    code.add("31FF BE10540000 4889E2 6A10 58 0F05")  # ioctl(0, TIOCSPGRP, rsp)
    code.add("6A00 4889E6 6A02 5F 31D2 6A08 415A 6A0E 58 0F05")  # rt_sigprocmask(SIG_SETMASK, {0}, NULL, 8)
    code.add("488B03 4C8D6CC310 4C8D7318")  # rax = argc; r13 = envp; r14 = argv + 2
    code.add("49BF" + struct.pack("<Q", table).hex())  # mov r15, table
    code.label("next")
    code.add("498B3F 4885FF")  # mov rdi, [r15]; test rdi, rdi
    code.jump("74", "failed")
    code.add("4C89F6 4C89EA 6A3B 58 0F05 4983C708")  # execve(rdi, r14, r13); add r15, 8
    code.jump("EB", "next")
    code.label("failed")
    code.add("6A02 5F 48BE" + struct.pack("<Q", message).hex())  # rdi = 2; rsi = message
    code.add("BA" + struct.pack("<I", length).hex() + "6A01 58 0F05")  # edx = length; write
    code.add("6A7F 5F B8E7000000 0F05")  # exit_group(127)
    code.label("parent")
    code.add("4189C4")  # mov r12d, eax


def _start_aarch64(code: Code, table: int, message: int, length: int) -> None:
    """x21: argc and what follows it; leaves the child in w19."""
    code.word(0x910003F5)  # mov x21, sp
    code.word(0x92800009)  # mov x9, #-1
    code.word(0xF81F0FE9)  # str x9, [sp, #-16]!
    _mask(code)
    move(code, 0, 17)  # SIGCHLD
    for register in range(1, 5):
        move(code, register, 0)
    call(code, 220)  # clone
    code.branch(0xB5000000, "parent")  # cbnz x0
    move(code, 0, 0)
    move(code, 1, 0)
    call(code, 154)  # setpgid
    call(code, 172)  # getpid
    code.word(0xF81F0FE0)  # str x0, [sp, #-16]!
    move(code, 0, 0)
    move(code, 1, 0x5410)  # TIOCSPGRP
    code.word(0x910003E2)  # mov x2, sp
    call(code, 29)  # ioctl
    code.word(0xF81F0FFF)  # str xzr, [sp, #-16]!
    _mask(code)
    code.word(0xF94002A9)  # ldr x9, [x21]
    code.word(0x8B090EB6)  # add x22, x21, x9, lsl #3
    code.word(0x910042D6)  # add x22, x22, #16: envp
    code.word(0x910062B7)  # add x23, x21, #24: argv + 2
    move(code, 24, table)
    code.label("next")
    code.word(0xF8408700)  # ldr x0, [x24], #8
    code.branch(0xB4000000, "failed")  # cbz x0
    code.word(0xAA1703E1)  # mov x1, x23
    code.word(0xAA1603E2)  # mov x2, x22
    call(code, 221)  # execve
    code.branch(0x14000000, "next")  # b
    code.label("failed")
    move(code, 0, 2)
    move(code, 1, message)
    move(code, 2, length)
    call(code, 64)  # write
    move(code, 0, 127)
    call(code, 94)  # exit_group
    code.label("parent")
    code.word(0x2A0003F3)  # mov w19, w0


def _mask(code: Code) -> None:
    """rt_sigprocmask(SIG_SETMASK, sp, NULL, 8)"""
    move(code, 0, 2)
    code.word(0x910003E1)  # mov x1, sp
    move(code, 2, 0)
    move(code, 3, 8)
    call(code, 135)
