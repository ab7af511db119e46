"""The device controller of version 2: an eBPF program (BPF_PROG_TYPE_CGROUP_DEVICE) attached to the group.

The kernel calls it at every mknod and open of a device node with ``struct bpf_cgroup_dev_ctx``: u32 access_type (the
access wanted in the upper half, the type of the node in the lower), u32 major, u32 minor. It returns 1 to allow.
"""

from __future__ import annotations

import os
from typing import Final

from corral.linux import ebpf
from corral.linux.ebpf import Instruction
from corral.runtime.cgroups.devices import DeviceList, Entry

__all__ = ["attach", "make_program"]

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
    """Load the program and attach it to the group. It lives as long as the group does. Raises OSError."""
    program = ebpf.prog_load(ebpf.BPF_PROG_TYPE_CGROUP_DEVICE, make_program(devices))
    try:
        group = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            ebpf.prog_attach(group, program, ebpf.BPF_CGROUP_DEVICE, ebpf.BPF_F_ALLOW_MULTI)
        finally:
            os.close(group)
    finally:
        os.close(program)


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
