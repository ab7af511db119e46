"""bpf(2): the instructions of eBPF that small filters need, loading a program and attaching it to a control group."""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable
from typing import Final

from corral.linux import libc

BPF_PROG_LOAD: Final = 5
BPF_PROG_ATTACH: Final = 8
BPF_PROG_DETACH: Final = 9
BPF_PROG_GET_FD_BY_ID: Final = 13
BPF_PROG_QUERY: Final = 16

BPF_PROG_TYPE_CGROUP_DEVICE: Final = 15
BPF_CGROUP_DEVICE: Final = 6
BPF_F_ALLOW_MULTI: Final = 2
BPF_F_REPLACE: Final = 4

_INSTRUCTION: Final = struct.Struct("=BBhi")
# union bpf_attr for BPF_PROG_LOAD: prog_type insn_cnt insns license log_level log_size log_buf kern_version prog_flags
# prog_name prog_ifindex expected_attach_type
_LOAD: Final = struct.Struct("=IIQQIIQII16sII")
# ... and for BPF_PROG_ATTACH: target_fd attach_bpf_fd attach_type attach_flags replace_bpf_fd
_ATTACH: Final = struct.Struct("=5I")
# ... and for BPF_PROG_QUERY: target_fd attach_type query_flags attach_flags prog_ids prog_cnt, and what follows them up
# to revision, which Linux 6.17 and later write whatever size they are told.
_QUERY: Final = struct.Struct("=IIIIQI4xQQQQ")
_MOST_PROGRAMS: Final = 64  # BPF_CGROUP_MAX_PROGS
_LICENSE: Final = b"Apache-2.0\0"
_LOG_SIZE: Final = 1 << 16

Instruction = bytes


def _instruction(code: int, destination: int, source: int = 0, offset: int = 0, immediate: int = 0) -> Instruction:
    signed = immediate - (1 << 32) if immediate >= 1 << 31 else immediate
    return _INSTRUCTION.pack(code, source << 4 | destination, offset, signed)


def load_word(destination: int, source: int, offset: int) -> Instruction:
    """destination = \\*(u32 \\*)(source + offset)"""
    return _instruction(0x61, destination, source, offset)


def mov_register(destination: int, source: int) -> Instruction:
    return _instruction(0xBF, destination, source)


def mov_immediate(destination: int, value: int) -> Instruction:
    return _instruction(0xB7, destination, immediate=value)


def and_immediate(destination: int, value: int) -> Instruction:
    """The lower 32 bits; the upper become zero."""
    return _instruction(0x54, destination, immediate=value)


def rsh_immediate(destination: int, bits: int) -> Instruction:
    """The lower 32 bits; the upper become zero."""
    return _instruction(0x74, destination, immediate=bits)


def jump_equal(register: int, value: int, skip: int) -> Instruction:
    """Skip the next ``skip`` instructions if the lower 32 bits of the register are ``value`` (Linux 5.1)."""
    return _instruction(0x16, register, offset=skip, immediate=value)


def jump_not_equal(register: int, value: int, skip: int) -> Instruction:
    return _instruction(0x56, register, offset=skip, immediate=value)


def exit_() -> Instruction:
    """Return register 0."""
    return _instruction(0x95, 0)


def prog_load(prog_type: int, instructions: Iterable[Instruction]) -> int:
    """Verify and load a program. Returns its descriptor, close-on-exec.

    Raises OSError; its text ends with what the verifier had to say.
    """
    code = b"".join(instructions)
    code_buffer = ctypes.create_string_buffer(code, len(code))
    license_buffer = ctypes.create_string_buffer(_LICENSE)
    try:
        return _load(prog_type, code_buffer, len(code), license_buffer, None)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EACCES):
            raise
    log = ctypes.create_string_buffer(_LOG_SIZE)
    try:
        return _load(prog_type, code_buffer, len(code), license_buffer, log)
    except OSError as error:
        said = log.value.decode(errors="replace").strip()
        raise OSError(error.errno, f"{error.strerror}: {said[-500:]}") from None


def _load(
    prog_type: int,
    code: ctypes.Array[ctypes.c_char],
    size: int,
    license_text: ctypes.Array[ctypes.c_char],
    log: ctypes.Array[ctypes.c_char] | None,
) -> int:
    record = _LOAD.pack(
        prog_type,
        size // _INSTRUCTION.size,
        ctypes.addressof(code),
        ctypes.addressof(license_text),
        0 if log is None else 1,
        0 if log is None else _LOG_SIZE,
        0 if log is None else ctypes.addressof(log),
        0,
        0,
        b"",
        0,
        0,
    )
    return libc.syscall("bpf", BPF_PROG_LOAD, record, _LOAD.size)


def prog_attach(target_fd: int, prog_fd: int, attach_type: int, flags: int = 0, replace_fd: int = 0) -> None:
    """Attach to a control group's directory; with BPF_F_REPLACE in place of ``replace_fd`` (Linux 5.6), which takes
    effect at once and leaves no moment without either. Raises OSError."""
    record = _ATTACH.pack(target_fd, prog_fd, attach_type, flags, replace_fd)
    libc.syscall("bpf", BPF_PROG_ATTACH, record, _ATTACH.size)


def prog_detach(target_fd: int, prog_fd: int, attach_type: int) -> None:
    """Raises OSError."""
    record = _ATTACH.pack(target_fd, prog_fd, attach_type, 0, 0)
    libc.syscall("bpf", BPF_PROG_DETACH, record, _ATTACH.size)


def prog_query(target_fd: int, attach_type: int) -> list[int]:
    """Ids of the programs attached to this very control group, in the order in which they run. Raises OSError."""
    ids = (ctypes.c_uint32 * _MOST_PROGRAMS)()
    record = ctypes.create_string_buffer(
        _QUERY.pack(target_fd, attach_type, 0, 0, ctypes.addressof(ids), _MOST_PROGRAMS, 0, 0, 0, 0), _QUERY.size
    )
    libc.syscall("bpf", BPF_PROG_QUERY, record, _QUERY.size)
    count = _QUERY.unpack(record.raw)[5]
    return list(ids[:count])


def prog_get_fd_by_id(program: int) -> int:
    """A descriptor, close-on-exec. Raises OSError; ENOENT when it is gone."""
    return libc.syscall("bpf", BPF_PROG_GET_FD_BY_ID, struct.pack("=4I", program, 0, 0, 0), 16)
