"""The default profile, one call of each class made under it by a process that could do everything without it.

What the filter lets through must end as it does without a filter; what it refuses ends with the filter's own error.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from pathlib import Path

import pytest

from corral.linux import seccomp
from corral.runtime.security import capabilities
from corral.runtime.security.seccomp import load
from corral.runtime.security.seccomp.architectures import numbers
from corral.runtime.security.seccomp.cache import FilterCache
from corral.runtime.security.seccomp.default import DEFAULT
from support.child import in_child

pytestmark = [
    pytest.mark.requires("root"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="call numbers are those of x86_64"),
]

CALLS = numbers("SCMP_ARCH_X86_64")
PASSES, EPERM, ENOSYS = 0, errno.EPERM, errno.ENOSYS
Call = tuple[str | int, tuple[int, ...]]

CONDITIONAL: dict[str, tuple[Call, ...]] = {
    "CAP_BPF": (("bpf", (-1, 0, 0)),),
    "CAP_DAC_READ_SEARCH": (("open_by_handle_at", (-1, 0, 0)),),
    "CAP_PERFMON": (("perf_event_open", (0, 0, 0, 0, 0)),),
    "CAP_SYSLOG": (("syslog", (99, 0, 0)),),
    "CAP_SYS_BOOT": (("reboot", (0, 0, 0, 0)),),
    "CAP_SYS_CHROOT": (("chroot", (0,)),),
    "CAP_SYS_MODULE": (("delete_module", (0, 0)), ("init_module", (0, 0, 0)), ("finit_module", (-1, 0, 0))),
    "CAP_SYS_NICE": (
        ("get_mempolicy", (0, 0, 0, 0, 99)),
        ("mbind", (1, 0, 99, 0, 0, 0)),
        ("set_mempolicy", (99, 0, 0)),
    ),
    "CAP_SYS_PACCT": (("acct", (1,)),),
    "CAP_SYS_PTRACE": (("kcmp", (0, 0, 99, 0, 0)), ("pidfd_getfd", (-1, 0, 0)), ("process_madvise", (-1, 0, 0, 0, 0))),
    "CAP_SYS_RAWIO": (("iopl", (99,)), ("ioperm", (-1, 0, 0))),
    "CAP_SYS_TIME": (("clock_settime", (-1, 0)), ("settimeofday", (1, 0))),
    "CAP_SYS_ADMIN": (
        ("mount", (0, 0, 0, 0, 0)),
        ("umount2", (0, 0)),
        ("unshare", (1,)),
        ("setns", (-1, 0)),
        ("clone", (0x10000200, 0, 0, 0, 0)),  # CLONE_NEWUSER | CLONE_FS: invalid
        ("sethostname", (0, -1)),
        ("setdomainname", (0, -1)),
        ("fsopen", (0, 0)),
        ("fsmount", (-1, 0, 0)),
        ("fspick", (-1, 0, 0)),
        ("fsconfig", (-1, 0, 0, 0, 0)),
        ("move_mount", (-1, 0, -1, 0, 0)),
        ("open_tree", (-1, 0, 0)),
        ("mount_setattr", (-1, 0, 0, 0, 0)),
        ("fanotify_init", (-1, 0)),
        ("quotactl", (-1, 0, 0, 0)),
        ("bpf", (-1, 0, 0)),
        ("perf_event_open", (0, 0, 0, 0, 0)),
        ("syslog", (99, 0, 0)),
    ),
}

PLAIN: list[tuple[Call, int]] = [
    (("getpid", ()), PASSES),
    (("openat", (-1, 0, 0)), PASSES),
    (("openat2", (-1, 0, 0, 0)), PASSES),
    (("ptrace", (99, 0, 0, 0)), PASSES),
    (("process_vm_readv", (0, 0, 0, 0, 0, 99)), PASSES),
    (("mknodat", (-1, 0, 0, 0)), PASSES),
    (("landlock_create_ruleset", (1, 1, 99)), PASSES),
    (("memfd_secret", (99,)), PASSES),
    (("io_setup", (0, 0)), PASSES),
    (("name_to_handle_at", (-1, 0, 0, 0, 0)), PASSES),
    (("seccomp", (99, 0, 0)), PASSES),
    # by their arguments
    (("personality", (0xFFFFFFFF,)), PASSES),
    (("personality", (0,)), PASSES),
    (("personality", (8,)), PASSES),
    (("personality", (0x20000,)), PASSES),
    (("personality", (0x20008,)), PASSES),
    (("personality", (0x0400000,)), EPERM),  # READ_IMPLIES_EXEC
    (("personality", (0x0040000,)), EPERM),  # ADDR_NO_RANDOMIZE
    (("socket", (1, 99, 0)), PASSES),
    (("socket", (2, 99, 0)), PASSES),
    (("socket", (16, 99, 0)), PASSES),  # AF_NETLINK
    (("socket", (39, 99, 0)), PASSES),  # AF_NFC, between the two
    (("socket", (38, 5, 0)), EPERM),  # AF_ALG
    (("socket", (40, 1, 0)), EPERM),  # AF_VSOCK
    (("socket", ((1 << 32) + 40, 1, 0)), EPERM),
    (("clone", (0x200 | 0x10000, 0, 0, 0, 0)), PASSES),  # CLONE_FS | CLONE_THREAD: invalid
    *(
        (("clone", (flag | 0x200, 0, 0, 0, 0)), EPERM)
        for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
    ),
    (("clone3", (0, 0)), ENOSYS),
    # to nobody, whatever the capabilities
    (("keyctl", (0, -3, 0)), EPERM),
    (("add_key", (0, 0, 0, 0, 0)), EPERM),
    (("request_key", (0, 0, 0, 0)), EPERM),
    (("userfaultfd", (0,)), EPERM),
    (("io_uring_setup", (1, 0)), EPERM),
    (("kexec_load", (0, 0, 0, 0)), EPERM),
    (("kexec_file_load", (-1, -1, 0, 0, 0)), EPERM),
    (("swapon", (0, 0)), EPERM),
    (("swapoff", (0,)), EPERM),
    (("pivot_root", (0, 0)), EPERM),
    (("nfsservctl", (0, 0, 0)), EPERM),
    (("migrate_pages", (0, 0, 0, 0)), EPERM),
    (("uselib", (0,)), EPERM),
    (("_sysctl", (0,)), EPERM),
    # of the future
    ((600, ()), ENOSYS),
    ((1 << 20, ()), ENOSYS),
]
NOBODY = [call for call, result in PLAIN if result == EPERM and call[0] != "clone"]


def outcome(call: Call) -> int:
    """0 or less the error number."""
    name, arguments = call
    library = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_long(word if word < 1 << 63 else word - (1 << 64)) for word in arguments]
    number = CALLS[name] if isinstance(name, str) else name
    return -ctypes.get_errno() if library.syscall(ctypes.c_long(number), *words) == -1 else 0


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FilterCache:
    return FilterCache(tmp_path_factory.mktemp("filters"))


def outcomes(cache: FilterCache, calls: list[Call], caps: tuple[str, ...]) -> list[int]:
    filter_ = load.read(cache.get(DEFAULT, caps).annotations, None)
    assert filter_ is not None
    program = filter_.program

    def confined() -> list[int]:
        os.setsid()
        seccomp.install(program)
        return [outcome(call) for call in calls]

    found: list[int] = in_child(confined)
    return found


def free(calls: list[Call]) -> list[int]:
    found: list[int] = in_child(lambda: [outcome(call) for call in calls])
    return found


def test_without_capabilities_of_its_own(cache: FilterCache) -> None:
    calls = [call for call, _ in PLAIN]
    unconfined = free([call for call, result in PLAIN if result == PASSES])
    expected = [-result if result else unconfined.pop(0) for _, result in PLAIN]
    assert dict(zip(calls, outcomes(cache, calls, capabilities.DEFAULT), strict=True)) == dict(
        zip(calls, expected, strict=True)
    )


@pytest.mark.parametrize("cap", CONDITIONAL)
def test_calls_that_come_with_a_capability(cache: FilterCache, cap: str) -> None:
    calls = list(CONDITIONAL[cap])
    without = tuple(name for name in capabilities.DEFAULT if name != cap)
    assert outcomes(cache, calls, without) == [-EPERM] * len(calls)
    assert outcomes(cache, calls, (*without, cap)) == free(calls)


def test_what_nobody_gets(cache: FilterCache) -> None:
    assert outcomes(cache, NOBODY, tuple(capabilities.NUMBERS)) == [-EPERM] * len(NOBODY)


def test_clone3_comes_with_sys_admin(cache: FilterCache) -> None:
    assert outcomes(cache, [("clone3", (0, 0))], (*capabilities.DEFAULT, "CAP_SYS_ADMIN")) == [-errno.EINVAL]


def test_files_of_the_cache_are_named_by_their_content(cache: FilterCache, tmp_path: Path) -> None:
    other = FilterCache(tmp_path)
    assert cache.get(DEFAULT, ()).path.name == other.get(DEFAULT, ()).path.name
