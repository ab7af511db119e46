"""Filters installed into a real process: the kernel accepts them and they do what they say."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from corral.linux import libc, prctl, seccomp
from corral.oci.runtime import Seccomp, SeccompArg, SeccompSyscall
from corral.runtime.security import capabilities
from corral.runtime.security.seccomp import load
from corral.runtime.security.seccomp.architectures import numbers
from corral.runtime.security.seccomp.cache import FilterCache
from corral.runtime.security.seccomp.compiler import compile_filter
from corral.runtime.security.seccomp.default import DEFAULT
from support.child import ChildFailed, in_child

pytestmark = [
    pytest.mark.requires("root"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="call numbers are those of x86_64"),
]

CALLS = numbers("SCMP_ARCH_X86_64")
LIBC = ctypes.CDLL(None, use_errno=True)


def outcome(name: str | int, *arguments: int) -> int:
    """0 or more: the call's result; negative: its errno."""
    number = CALLS[name] if isinstance(name, str) else name
    result: int = LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in arguments))
    return -ctypes.get_errno() if result == -1 else result


def under(program: bytes, action: Callable[[], object], flags: int = 0) -> object:
    def confined() -> object:
        seccomp.install(program, flags)
        return action()

    return in_child(confined)


def compiled(*rules: SeccompSyscall, default: str = "SCMP_ACT_ALLOW") -> bytes:
    return compile_filter(Seccomp(default, syscalls=rules), "x86_64")


@pytest.fixture
def default(tmp_path: Path) -> bytes:
    filter_ = load.read(FilterCache(tmp_path).get(DEFAULT, capabilities.DEFAULT).annotations, None)
    assert filter_ is not None
    return filter_.program


def test_default_lets_ordinary_programs_run(default: bytes) -> None:
    assert under(default, lambda: os.popen("echo hello; ls / > /dev/null && echo good").read()) == "hello\ngood\n"


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("mount", (0, 0, 0, 0, 0)),
        ("unshare", (0,)),
        ("setns", (-1, 0)),
        ("bpf", (-1, 0, 0)),
        ("keyctl", (0, -3, 0)),
        ("userfaultfd", (0,)),
        ("io_uring_setup", (1, 0)),
        ("kexec_load", (0, 0, 0, 0)),
        ("open_tree", (-1, 0, 0)),
        ("reboot", (0, 0, 0, 0)),
        ("clone", (0x10000000, 0, 0, 0, 0)),
        ("socket", (40, 1, 0)),
        ("personality", (0x0400000,)),
    ],
)
def test_default_refuses(default: bytes, call: str, arguments: tuple[int, ...]) -> None:
    assert under(default, lambda: outcome(call, *arguments)) == -errno.EPERM


def test_default_makes_c_libraries_fall_back_from_clone3(default: bytes) -> None:
    assert under(default, lambda: outcome("clone3", 0, 0)) == -errno.ENOSYS


def test_default_hides_calls_of_the_future(default: bytes) -> None:
    assert under(default, lambda: [outcome(500), outcome(1 << 20)]) == [-errno.ENOSYS] * 2


def test_default_keeps_sockets_and_personality_usable(default: bytes) -> None:
    def use() -> list[int]:
        with socket.socket(socket.AF_UNIX), socket.socket(socket.AF_INET):
            return [outcome("personality", 0xFFFFFFFF)]

    assert under(default, use) == [0]


def test_arguments_are_compared(default: bytes) -> None:
    special = SeccompSyscall(("getpriority",), "SCMP_ACT_ERRNO", 77, (SeccompArg(1, (1 << 40) + 5, "SCMP_CMP_EQ"),))
    program = compiled(special)
    assert under(program, lambda: outcome("getpriority", 0, (1 << 40) + 5)) == -77
    assert under(program, lambda: outcome("getpriority", 0, 5) == -77) is False


def test_kill_process_ends_the_process() -> None:
    program = compiled(SeccompSyscall(("getpriority",), "SCMP_ACT_KILL_PROCESS"))
    with pytest.raises(ChildFailed, match="SIGSYS"):
        under(program, lambda: outcome("getpriority", 0, 0))


def test_x32_calls_are_killed_when_only_the_native_architecture_is_covered() -> None:
    with pytest.raises(ChildFailed, match="SIGSYS"):
        under(compiled(), lambda: outcome(0x40000000 | CALLS["getpid"]))


def test_filters_add_up() -> None:
    first = compiled(SeccompSyscall(("getpriority",), "SCMP_ACT_ERRNO", 77))
    second = compiled(SeccompSyscall(("getpgid",), "SCMP_ACT_ERRNO", 78))

    def confined() -> list[int]:
        seccomp.install(first)
        seccomp.install(second)
        return [outcome("getpriority", 0, 0), outcome("getpgid", 0)]

    assert in_child(confined) == [-77, -78]


def test_unknown_flags_are_left_out() -> None:
    assert under(compiled(), lambda: "alive", flags=1 << 20) == "alive"


def test_program_that_the_kernel_refuses_is_an_error() -> None:
    def install() -> int | None:
        try:
            seccomp.install(bytes(8))
        except OSError as error:
            return error.errno
        return None

    assert in_child(install) == errno.EINVAL


def test_unprivileged_process_needs_no_new_privs() -> None:
    def attempt() -> list[object]:
        os.setresuid(1000, 1000, 1000)
        results: list[object] = []
        for step in (lambda: None, prctl.set_no_new_privs):
            step()
            try:
                seccomp.install(compiled())
                results.append("installed")
            except OSError as error:
                results.append(error.errno)
        return results

    assert in_child(attempt) == [errno.EACCES, "installed"]


def test_kernel_knows_the_actions() -> None:
    assert seccomp.action_available(seccomp.SECCOMP_RET_KILL_PROCESS)
    assert not seccomp.action_available(0x12340000)


def test_ctypes_leaves_no_trace_of_the_last_error() -> None:
    """The wrapper raises with the errno of its own call, not of an earlier one."""
    ctypes.set_errno(errno.ENOENT)
    with pytest.raises(OSError, match="seccomp") as caught:
        libc.syscall("seccomp", 99, 0, 0)
    assert caught.value.errno == errno.EINVAL
