"""The device controller of version 2: an eBPF program (BPF_PROG_TYPE_CGROUP_DEVICE) attached to the group.

The kernel calls it at every mknod and open of a device node with ``struct bpf_cgroup_dev_ctx``: u32 access_type (the
access wanted in the upper half, the type of the node in the lower), u32 major, u32 minor. It returns 1 to allow.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from corral.linux import ebpf
from corral.linux.ebpf import Instruction
from corral.runtime.cgroups.devices import DeviceList, Entry

__all__ = ["attach", "make_program", "replace"]

_TYPES: Final = {"b": 1, "c": 2}
_ACCESS: Final = {"m": 1, "r": 2, "w": 4}
_CONTEXT, _TYPE, _WANTED, _MAJOR, _MINOR, _SCRATCH = 1, 2, 3, 4, 5, 6


def make_program(devices: DeviceList) -> list[Instruction]:
    """One block for each exception that returns the opposite of the default, then the default.

    An exception from "deny" holds when it covers all the access that is wanted; one from "allow" when it forbids any.
    """
    program = [
        ebpf.load_word(_TYPE, _CONTEXT, 0),
        ebpf.mov_register(_WANTED, _TYPE),
        ebpf.and_immediate(_TYPE, 0xFFFF),
        ebpf.rsh_immediate(_WANTED, 16),
        ebpf.load_word(_MAJOR, _CONTEXT, 4),
        ebpf.load_word(_MINOR, _CONTEXT, 8),
    ]
    for entry in devices.exceptions:
        program += _block(entry, allow=not devices.allow)
    return [*program, ebpf.mov_immediate(0, int(devices.allow)), ebpf.exit_()]


def attach(directory: str, devices: DeviceList) -> None:
    """Load the program and attach it to a new group. It lives as long as the group does. Raises OSError."""
    with _loaded(devices) as program, _opened(directory) as group:
        ebpf.prog_attach(group, program, ebpf.BPF_CGROUP_DEVICE, ebpf.BPF_F_ALLOW_MULTI)


def replace(directory: str, devices: DeviceList) -> None:
    """Put the program in the place of the one that the group has, if it has one. Raises OSError.

    There is no moment at which more is allowed than by the old rules or by the new ones. When all programs of a group
    must agree and one was added by somebody else (systemd adds its own), the new one is attached before the old go.
    """
    with _opened(directory) as group, ExitStack() as stack:
        before = _attached(group, stack)
        if devices.is_unrestricted:
            for program in before:
                ebpf.prog_detach(group, program, ebpf.BPF_CGROUP_DEVICE)
            return
        program = stack.enter_context(_loaded(devices))
        if len(before) == 1:
            try:
                flags = ebpf.BPF_F_ALLOW_MULTI | ebpf.BPF_F_REPLACE
                ebpf.prog_attach(group, program, ebpf.BPF_CGROUP_DEVICE, flags, before[0])
                return
            except OSError as error:
                if error.errno != errno.EINVAL:  # Linux before 5.6
                    raise
        ebpf.prog_attach(group, program, ebpf.BPF_CGROUP_DEVICE, ebpf.BPF_F_ALLOW_MULTI)
        for old in before:
            ebpf.prog_detach(group, old, ebpf.BPF_CGROUP_DEVICE)


def _attached(group: int, stack: ExitStack) -> list[int]:
    """Descriptors of the programs that the group itself has, closed by ``stack``. What may not be touched is left out:
    as every program can only forbid, ours holds beside it."""
    programs = []
    for program in ebpf.prog_query(group, ebpf.BPF_CGROUP_DEVICE):
        try:
            fd = ebpf.prog_get_fd_by_id(program)
        except (FileNotFoundError, PermissionError):
            continue
        stack.callback(os.close, fd)
        programs.append(fd)
    return programs


@contextmanager
def _loaded(devices: DeviceList) -> Iterator[int]:
    program = ebpf.prog_load(ebpf.BPF_PROG_TYPE_CGROUP_DEVICE, make_program(devices))
    try:
        yield program
    finally:
        os.close(program)


@contextmanager
def _opened(directory: str) -> Iterator[int]:
    group = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield group
    finally:
        os.close(group)


def _block(entry: Entry, *, allow: bool) -> list[Instruction]:
    """Falls out of its end when the entry does not apply."""
    tests: list[tuple[list[Instruction], int, int]] = [([], _TYPE, _TYPES[entry.type])]
    mask = sum(_ACCESS[letter] for letter in entry.access)
    if mask != sum(_ACCESS.values()):
        # Allow: wanted & ~mask must be empty.
        rest = [ebpf.mov_register(_SCRATCH, _WANTED), ebpf.and_immediate(_SCRATCH, ~mask & 7 if allow else mask)]
        tests.append((rest, _SCRATCH, 0))
    if entry.major is not None:
        tests.append(([], _MAJOR, entry.major))
    if entry.minor is not None:
        tests.append(([], _MINOR, entry.minor))
    body: list[Instruction] = [ebpf.mov_immediate(0, int(allow)), ebpf.exit_()]
    for before, register, value in reversed(tests):
        # Forbid: any of the access wanted is enough, so there it is an empty intersection that leaves the block.
        leaves_on_equal = register == _SCRATCH and not allow
        jump = ebpf.jump_equal if leaves_on_equal else ebpf.jump_not_equal
        body = [*before, jump(register, value, len(body)), *body]
    return body
