"""What the default system call filter costs: a system call under it, and installing it, beside libseccomp's for the
same profile. Loops are machine code: a call through ctypes costs ten times what is measured.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import struct
import time
from collections.abc import Callable
from functools import partial

from bench import libseccomp
from corral.linux import seccomp
from corral.runtime.security import capabilities
from corral.runtime.security.seccomp.architectures import ARCHITECTURES
from corral.runtime.security.seccomp.compiler import compile_filter
from corral.runtime.security.seccomp.default import DEFAULT
from corral.runtime.security.seccomp.profile import kernel_version, narrow

_CALLS = {
    "getpid, always allowed": (39, 0),
    "personality(0xffffffff), allowed by its argument": (135, 0xFFFFFFFF),
    "socket(99), allowed by its argument": (41, 99),
    "clone(0x10010000), refused": (56, 0x10010000),
    "keyctl, refused, in the middle": (250, 0),
    "number 500, unknown": (500, 0),
}
"""Label -> number on x86_64 and first argument; none of them does anything: without a filter as
well, which is why clone is asked for a user namespace of a thread (EINVAL)."""

_LOOP = bytes.fromhex(
    "53 55 41 54"  # push rbx, rbp, r12
    "48 89 fd 49 89 f4 48 89 d3"  # mov rbp, rdi; mov r12, rsi; mov rbx, rdx
    "48 89 e8 4c 89 e7 31 f6 31 d2 4d 31 d2 0f 05"  # mov rax, rbp; mov rdi, r12; three zeros; syscall
    "48 ff cb 75 ec"  # dec rbx; jnz
    "41 5c 5d 5b c3"  # pop r12, rbp, rbx; ret
)
_COUNT = 20_000
_ALLOW_ALL = struct.pack("=HBBI", 6, 0, 0, seccomp.SECCOMP_RET_ALLOW)


def show(runs: int) -> None:
    """Markdown, of processor time and the quietest samples. Filters take turns: all meet the same machine."""
    lib = libseccomp.library()
    if platform.machine() != "x86_64" or lib is None:
        print("system call filter: needs x86_64 and libseccomp")
        return
    kernel = kernel_version(os.uname().release)
    profile = narrow(DEFAULT, capabilities.DEFAULT, ARCHITECTURES["SCMP_ARCH_X86_64"], kernel)
    programs = {
        "none": b"",
        "corral": compile_filter(profile, "x86_64"),
        "libseccomp": libseccomp.compiled(lib, profile),
    }
    print(
        "| system call filter | none | corral | libseccomp, binary tree | ratio | target |\n|---|---|---|---|---|---|"
    )
    lengths = {name: len(program) // 8 for name, program in programs.items()}
    print(f"| instructions | - | {lengths['corral']} | {lengths['libseccomp']} | {_ratio(lengths)} | |")
    installs: dict[str, list[float]] = {name: [] for name, program in programs.items() if program}
    for _ in range(runs * 3):
        for name, found in installs.items():
            found.append(_in_child(partial(_install, programs[name])))
    costs = {name: min(found) for name, found in installs.items()}
    print(f"| installing it | - | {costs['corral']:.0f} us | {costs['libseccomp']:.0f} us | {_ratio(costs)} | 1.00x |")
    for label, (number, argument) in _CALLS.items():
        samples: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(runs):
            for name, program in programs.items():
                samples[name].append(_in_child(partial(_under, program, number, argument)))
        nanoseconds = {name: min(found) for name, found in samples.items()}
        cells = " | ".join(f"{nanoseconds[name]:.0f} ns" for name in programs)
        print(f"| {label} | {cells} | {_ratio(nanoseconds)} | 1.00x |", flush=True)


def _ratio(figures: dict[str, float] | dict[str, int]) -> str:
    return f"{figures['corral'] / figures['libseccomp']:.2f}x"


def _install(program: bytes) -> float:
    """Microseconds, in a process that has a filter already and so has done what is done once."""
    seccomp.install(_ALLOW_ALL)
    begin = time.process_time()
    seccomp.install(program)
    return (time.process_time() - begin) * 1e6


def _under(program: bytes, number: int, argument: int) -> float:
    if program:
        seccomp.install(program, seccomp.SECCOMP_FILTER_FLAG_SPEC_ALLOW)
    return _loop(number, argument)


def _loop(number: int, argument: int) -> float:
    """Nanoseconds of one call."""
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(_LOOP)
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    function = ctypes.CFUNCTYPE(None, ctypes.c_long, ctypes.c_long, ctypes.c_long)(address)
    function(number, argument, 1000)
    begin = time.process_time_ns()
    function(number, argument, _COUNT)
    return (time.process_time_ns() - begin) / _COUNT


def _in_child(measure: Callable[[], float]) -> float:
    """In a process of its own, because a filter is for good. Raises RuntimeError."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, struct.pack("d", measure()))
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as reader:
        answer = reader.read()
    os.waitpid(pid, 0)
    if len(answer) != 8:
        raise RuntimeError("the measuring process failed")
    (figure,) = struct.unpack("d", answer)
    return float(figure)
