"""libseccomp's own filter for a description, with its binary tree (SCMP_FLTATR_CTL_OPTIMIZE=2), as runc makes it."""

from __future__ import annotations

import ctypes
import ctypes.util
import os

from corral.oci.runtime import Seccomp
from corral.runtime.security.seccomp.architectures import ARCHITECTURES
from corral.runtime.security.seccomp.rules import action_value

_CTL_OPTIMIZE = 8
_ARCH = {"SCMP_ARCH_X86_64": 0xC000003E, "SCMP_ARCH_X86": 0x40000003, "SCMP_ARCH_X32": 0x4000003E}
_ORDER = ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")
_OPERATORS = {f"SCMP_CMP_{name}": number for number, name in enumerate(_ORDER, start=1)}


class _Argument(ctypes.Structure):
    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


def library() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("seccomp")
    return ctypes.CDLL(name) if name else None


def compiled(lib: ctypes.CDLL, description: Seccomp) -> bytes:
    """Raises OSError."""
    lib.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(_action(description.default_action))))
    try:
        for name in description.architectures:
            if name in ARCHITECTURES:
                lib.seccomp_arch_add(context, ctypes.c_uint32(_ARCH[name]))
        lib.seccomp_attr_set(context, _CTL_OPTIMIZE, ctypes.c_uint32(2))
        for rule in description.syscalls:
            arguments = (_Argument * len(rule.args))(
                *(_Argument(one.index, _OPERATORS[one.op], one.value, one.value_two) for one in rule.args)
            )
            for name in rule.names:
                number = lib.seccomp_syscall_resolve_name(name.encode())
                if number != -1:
                    action = ctypes.c_uint32(_action(rule.action, rule.errno_ret))
                    lib.seccomp_rule_add_array(context, action, number, len(arguments), arguments)
        fd = os.memfd_create("filter")
        try:
            if failed := lib.seccomp_export_bpf(context, fd):
                raise OSError(-failed, os.strerror(-failed), "seccomp_export_bpf")
            return os.pread(fd, os.fstat(fd).st_size, 0)
        finally:
            os.close(fd)
    finally:
        lib.seccomp_release(context)


def _action(name: str, errno_ret: int | None = None) -> int:
    """libseccomp's SCMP_ACT_* are the kernel's SECCOMP_RET_*."""
    return action_value(name, errno_ret)
