"""When a trampoline suffices; its machine code, and run between two programs."""

from __future__ import annotations

import errno
import os
import platform
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from corral.oci.annotations import REAPER
from corral.oci.runtime import (
    Capabilities,
    Hook,
    Hooks,
    Linux,
    Namespace,
    Process,
    Root,
    Seccomp,
    SeccompArg,
    SeccompSyscall,
    Spec,
    User,
)
from corral.runtime.init.failure import words
from corral.runtime.init.trampoline import Trampoline, suffices
from corral.runtime.init.trampoline_program import program
from support.machine_code import count_system_calls

MACHINES = ("x86_64", "aarch64")
runnable = pytest.mark.skipif(platform.machine() not in MACHINES, reason="there is no trampoline for this machine")
PRIVATE = (Namespace("pid"), Namespace("mount"))
ALLOW, ERRNO, LOG, NOTIFY = (f"SCMP_ACT_{name}" for name in ("ALLOW", "ERRNO", "LOG", "NOTIFY"))


def _spec(process: Process | None = None, linux: Linux | None = None, **others: object) -> Spec:
    spec = Spec(
        process=process or Process(args=("true",)),
        root=Root("rootfs"),
        linux=linux or Linux(namespaces=PRIVATE),
    )
    return replace(spec, **others)  # type: ignore[arg-type]


def _filtered(default: str, *rules: SeccompSyscall) -> Spec:
    return _spec(linux=Linux(namespaces=PRIVATE, seccomp=Seccomp(default, syscalls=rules)))


def _rule(action: str, *names: str, args: tuple[SeccompArg, ...] = ()) -> SeccompSyscall:
    return SeccompSyscall(names, action, args=args)


def _user(uid: int, permitted: tuple[str, ...], ambient: tuple[str, ...] = (), *, locked: bool = True) -> Spec:
    sets = Capabilities(permitted=permitted, ambient=ambient)
    return _spec(process=Process(args=("true",), user=User(uid), capabilities=sets, no_new_privileges=locked))


KILL = ("CAP_KILL",)


@runnable
@pytest.mark.parametrize(
    "spec",
    [
        _spec(),
        _spec(hooks=Hooks(prestart=(Hook("/bin/true"),), poststop=(Hook("/bin/true"),))),
        _user(0, KILL),
        _user(1000, KILL, KILL),
        _user(1000, ()),
        _user(1000, KILL, locked=False),
        _filtered(ALLOW),
        _filtered(ERRNO, _rule(ALLOW, "execve", "execveat")),
        _filtered(ALLOW, _rule(LOG, "execveat"), _rule(ERRNO, "mount")),
    ],
)
def test_it_suffices_where_nobody_sees_the_process_and_two_execves_are_like_one(spec: Spec) -> None:
    assert suffices(spec)


@pytest.mark.parametrize(
    "spec",
    [
        _spec(linux=Linux(namespaces=(Namespace("mount"),))),
        _spec(linux=Linux(namespaces=(Namespace("pid", "/proc/1/ns/pid"),))),
        _spec(hooks=Hooks(create_container=(Hook("/bin/true"),))),
        _spec(hooks=Hooks(start_container=(Hook("/bin/true"),))),
        _spec(process=Process(args=("true",), apparmor_profile="docker-default")),
        _spec(process=Process(args=("true",), selinux_label="system_u:system_r:container_t:s0")),
        _spec(annotations={REAPER: '["docker-init"]'}),
        _user(1000, KILL),
        _spec(process=Process(args=("true",), user=User(username="app"), no_new_privileges=True)),
        _filtered(ERRNO),
        _filtered(ERRNO, _rule(ALLOW, "execve")),
        _filtered(ALLOW, _rule(NOTIFY, "execveat")),
        _filtered(ERRNO, _rule(ALLOW, "execveat", args=(SeccompArg(4, 0, "SCMP_CMP_EQ"),))),
    ],
)
def test_it_does_not_suffice_otherwise(spec: Spec) -> None:
    assert not suffices(spec)


@pytest.mark.parametrize("machine", MACHINES)
def test_it_is_a_static_executable_without_an_executable_stack(machine: str) -> None:
    code = program(machine)
    assert code is not None
    assert code[:6] == b"\x7fELF\x02\x01"
    kind, number, _, entry, headers = struct.unpack_from("<HHIQQ", code, 16)
    assert (kind, number, headers) == (2, {"x86_64": 62, "aarch64": 183}[machine], 64)
    load, stack = (struct.unpack_from("<IIQQQQQQ", code, 64 + n * 56) for n in range(2))
    assert load[:3] == (1, 5, 0)
    assert load[5] == load[6] == len(code)
    assert load[3] < entry < load[3] + len(code)
    assert entry % 16 == 0
    assert stack[:2] == (0x6474E551, 6)


def test_a_machine_that_is_not_known_has_none() -> None:
    assert program("vax") is None


@pytest.mark.parametrize("machine", MACHINES)
def test_it_disassembles_to_the_calls_it_is_made_of(machine: str, tmp_path: Path) -> None:
    """Where binutils know the architecture: execve, four times write, exit_group."""
    code = program(machine)
    assert code is not None
    (entry,) = struct.unpack_from("<Q", code, 24)
    assert count_system_calls(code[entry - 0x400000 :], machine, tmp_path) == 6


def _leap(path: str, argv: Sequence[str], env: dict[str, str]) -> tuple[int, str, str]:
    """Exit code, output, errors of a process that takes it to ``path``."""
    out, err = os.memfd_create("out"), os.memfd_create("err")
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(out, 1)
            os.dup2(err, 2)
            Trampoline().execve(path, argv, env)
        finally:
            os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    texts = [os.pread(fd, 1 << 16, 0).decode() for fd in (out, err)]
    os.close(out)
    os.close(err)
    return code, texts[0], texts[1]


@runnable
def test_arguments_and_environment_arrive() -> None:
    script = 'echo "$0" "$@"; env | grep "^A"; exit 42'
    code, out, err = _leap(
        "/bin/sh", ["sh", "-c", script, "zero", "one", "", "t wo"], {"A": "b c", "PATH": "/bin:/usr/bin"}
    )
    assert (code, out, err) == (42, "zero one  t wo\nA=b c\n", "")


@runnable
def test_nothing_is_open_that_was_not() -> None:
    code, out, _ = _leap("/bin/sh", ["sh", "-c", "ls /proc/self/fd"], {"PATH": "/bin:/usr/bin"})
    assert code == 0
    assert {"0", "1", "2"} <= set(out.split())
    assert "memfd:corral" not in out


@runnable
@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ELOOP, errno.ENAMETOOLONG])
def test_failures_are_said_in_words(number: int, tmp_path: Path) -> None:
    path = tmp_path / "program"
    if number == errno.ELOOP:
        path.symlink_to(path)
    elif number != errno.ENOENT:
        path.write_text("neither script nor program")
        path.chmod(0o755 if number == errno.ENOEXEC else 0o644)
    name = "x" * 300 if number == errno.ENAMETOOLONG else str(path)
    assert _leap(name, ["x"], {}) == (255, "", f"exec {name}: {words(OSError(number, ''))}\n")


@runnable
@pytest.mark.parametrize("how", ["itself", "script", "link"])
def test_who_finds_it_by_its_own_name_is_refused_and_does_not_go_round(tmp_path: Path, how: str) -> None:
    path = tmp_path / "program"
    if how == "script":
        path.write_text("#!/proc/self/exe\n")
        path.chmod(0o755)
    else:
        path.symlink_to("/proc/self/exe")
    name = "/proc/self/exe" if how == "itself" else str(path)
    code, out, err = _leap(name, [name, "/bin/echo", "reached"], {})
    assert (code, out) == (255, "")
    assert err.endswith(": permission denied\n")


@runnable
def test_strings_that_cannot_be_given_are_refused_before() -> None:
    with pytest.raises(ValueError, match="embedded null byte"):
        Trampoline().execve("/bin/true", ["true", "a\0b"], {})
