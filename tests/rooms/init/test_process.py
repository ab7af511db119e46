"""The process itself: who it is, what it may do, where it is, what it runs, and what is said when it cannot."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from corral.linux import libc, seccomp
from corral.oci.runtime import Capabilities, Process, Rlimit, Seccomp, SeccompSyscall, User
from corral.runtime.security.capabilities import mask_of
from corral.runtime.security.seccomp.compiler import compile_filter
from corral.runtime.security.seccomp.load import FILTER_ANNOTATION
from support.boxes import ENV, NEEDS, USABLE, Box, Outcome, in_box, process, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)


def run(box: Box, first: Process, **fields: Any) -> Outcome:
    outcome = in_box(box, lambda box: box.run(spec(first, **fields)))
    assert isinstance(outcome, Outcome)
    return outcome


# -- who


@pytest.mark.parametrize(
    ("user", "groups", "identity"),
    [
        ("", (), "0 0 0"),
        ("bob", (), "1000 1000 29 1000"),
        ("1000", (), "1000 1000 29 1000"),
        ("bob:audio", (), "1000 29 29"),
        ("4000", (), "4000 0 0"),
        ("4000:5000", (), "4000 5000 5000"),
        ("bob", ("root", "77"), "1000 1000 0 29 77 1000"),
    ],
)
def test_user(box: Box, user: str, groups: tuple[str, ...], identity: str) -> None:
    script = "echo $(id -u) $(id -g) $(grep Groups: /proc/self/status | cut -f2)"
    first = shell(script, user=User(username=user), additional_groups=groups)
    assert run(box, first).lines == [identity]


@pytest.mark.parametrize(
    ("user", "error"),
    [
        ("ghost", "unable to find user ghost: no matching entries in passwd file"),
        ("bob:ghosts", "unable to find group ghosts: no matching entries in group file"),
        ("99999999999", "uids and gids must be in range 0-2147483647"),
    ],
)
def test_a_user_that_is_not_there(box: Box, user: str, error: str) -> None:
    outcome = run(box, shell("true", user=User(username=user)))
    assert (outcome.error, outcome.code) == (error, 125)


@pytest.mark.parametrize(
    ("user", "env", "home"),
    [("", (), "/root"), ("bob", (), "/home/bob"), ("4000", (), "/"), ("bob", ("HOME=/elsewhere",), "/elsewhere")],
)
def test_home_is_the_users_unless_it_is_given(box: Box, user: str, env: tuple[str, ...], home: str) -> None:
    assert run(box, shell("echo $HOME", user=User(username=user), env=ENV + env)).lines == [home]


def test_the_environment_is_what_was_given_and_home(box: Box) -> None:
    outcome = run(box, process("env", env=(*ENV, "A=1=2", "EMPTY=", "A=3")))
    assert sorted(outcome.lines) == sorted([*ENV, "A=3", "EMPTY=", "HOME=/root"])


def test_stdout_can_be_opened_again_by_the_user_it_belongs_to(box: Box) -> None:
    assert run(box, shell("echo again > /dev/stdout", user=User(username="bob"))).lines == ["again"]


# -- what it may do

SETS = "grep ^Cap /proc/self/status | sort | cut -f2"  # Amb Bnd Eff Inh Prm


def masks(outcome: Outcome) -> list[int]:
    return [int(line, 16) for line in outcome.lines]


def test_root_has_the_capabilities_that_were_given(box: Box) -> None:
    mask = mask_of(USABLE)
    assert masks(run(box, shell(SETS))) == [0, mask, mask, 0, mask]


def test_an_ordinary_user_has_none_but_the_bounding_set(box: Box) -> None:
    assert masks(run(box, shell(SETS, user=User(username="bob")))) == [0, mask_of(USABLE), 0, 0, 0]


def test_ambient_capabilities_reach_an_ordinary_user(box: Box) -> None:
    names = ("CAP_NET_BIND_SERVICE", "CAP_CHOWN")
    mask = mask_of(names)
    sets = Capabilities(bounding=names, effective=names, permitted=names, inheritable=names, ambient=names)
    assert masks(run(box, shell(SETS, user=User(username="bob"), capabilities=sets))) == [mask] * 5


def test_all_capabilities_can_be_dropped(box: Box) -> None:
    assert masks(run(box, shell(SETS, capabilities=Capabilities()))) == [0] * 5


@pytest.mark.parametrize("wanted", [True, False])
def test_no_new_privileges(box: Box, wanted: bool) -> None:
    assert run(box, shell("grep NoNewPrivs /proc/self/status | cut -f2", no_new_privileges=wanted)).lines == [
        str(int(wanted))
    ]


NO_MKDIR = Seccomp(
    default_action="SCMP_ACT_ALLOW",
    architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"),
    syscalls=(SeccompSyscall(("mkdir", "mkdirat"), "SCMP_ACT_ERRNO", 38),),
)


@pytest.mark.parametrize("user", ["", "bob"])
@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
def test_the_filter_is_in_effect(box: Box, tmp_path: Path, user: str, no_new_privileges: bool, compiled: bool) -> None:
    first = shell(
        "grep Seccomp: /proc/self/status | cut -f2; mkdir /tmp/x 2>&1 | grep -o 'not implemented'",
        user=User(username=user),
        no_new_privileges=no_new_privileges,
    )
    if compiled:
        (tmp_path / "filter.bpf").write_bytes(compile_filter(NO_MKDIR, libc.MACHINE))
        outcome = run(box, first, annotations={FILTER_ANNOTATION: str(tmp_path / "filter.bpf")})
    else:
        outcome = run(box, first, linux={"seccomp": NO_MKDIR})
    assert outcome.lines == [str(seccomp.SECCOMP_MODE_FILTER), "not implemented"]


def test_a_filter_that_allows_no_privileged_call_can_be_loaded_with_no_new_privileges(box: Box) -> None:
    names = ("capset", "capget", "setresuid", "setresgid", "setgroups", "mount", "chdir", "openat2")
    strict = Seccomp(
        default_action="SCMP_ACT_ALLOW",
        architectures=NO_MKDIR.architectures,
        syscalls=(SeccompSyscall(names, "SCMP_ACT_KILL_PROCESS"),),
    )
    first = process("echo", "ran", no_new_privileges=True)
    assert run(box, first, linux={"seccomp": strict}).lines == ["ran"]


def test_rlimits(box: Box) -> None:
    limits = (Rlimit("RLIMIT_NOFILE", 64, 128), Rlimit("RLIMIT_CORE", 0, 0))
    assert run(box, shell("ulimit -Sn; ulimit -Hn; ulimit -c", rlimits=limits)).lines == ["64", "128", "0"]


def test_a_limit_that_cannot_be_raised_is_a_warning(box: Box) -> None:
    hard = 1 << 40  # more than fs.nr_open: refused even with every capability
    outcome = run(box, shell("ulimit -Hn", rlimits=(Rlimit("RLIMIT_NOFILE", 64, hard),)))
    assert outcome.code == 0
    assert outcome.warnings == [
        f"RLIMIT_NOFILE: the hard limit cannot be raised to {hard} here; set to {outcome.lines[0]}"
    ]


def test_oom_score_adj_is_raised_or_a_warning_is_given(box: Box) -> None:
    assert run(box, shell("cat /proc/self/oom_score_adj", oom_score_adj=500)).lines == ["500"]
    lowered = run(box, shell("cat /proc/self/oom_score_adj", oom_score_adj=-500))
    assert lowered.code == 0
    assert lowered.lines == ["-500"] or lowered.warnings == ["oom_score_adj cannot be lowered to -500 here"]


def test_sysctls_are_written_in_the_containers_namespaces(box: Box) -> None:
    own = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    values = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "1234567", "net.ipv4.conf.lo.forwarding": "1"}
    script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax"
    assert run(box, shell(script), linux={"sysctl": values}).lines == ["1", "1234567"]
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text() == own


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("net.nowhere", "1", "open sysctl net.nowhere file: no such file or directory"),
        ("net.ipv4.ip_forward", "x", 'failed to write sysctl net.ipv4.ip_forward = "x": invalid argument'),
    ],
)
def test_a_wrong_sysctl_is_an_error(box: Box, name: str, value: str, error: str) -> None:
    assert run(box, shell("true"), linux={"sysctl": {name: value}}).error == error


# -- where


def test_the_umask_is_022_or_what_was_asked_for(box: Box) -> None:
    assert run(box, shell("umask")).lines == ["0022"]
    assert run(box, shell("umask", user=User(umask=0o77))).lines == ["0077"]


def test_the_working_directory_is_made(box: Box, root: Path) -> None:
    outcome = run(box, shell("pwd; stat -c '%u %a' .", cwd="/srv/app/", user=User(username="bob")))
    assert outcome.lines == ["/srv/app", "0 755"]
    assert stat.S_IMODE((root / "srv").stat().st_mode) == 0o755


def test_a_working_directory_that_is_a_file(box: Box) -> None:
    assert run(box, shell("true", cwd="/etc/passwd")).error == "Cannot mkdir: /etc/passwd is not a directory"


def test_signals_are_neither_blocked_nor_ignored(box: Box) -> None:
    def scenario(box: Box) -> Outcome:
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        return box.run(spec(shell("grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status | cut -f2")))

    outcome = in_box(box, scenario)
    internal = 0b11 << 31  # 32 and 33 are the C library's own, and posix_spawn(3) leaves them ignored
    assert [int(line, 16) & ~internal for line in outcome.lines] == [0, 0, 0]


def test_standard_input_is_read_to_its_end(box: Box) -> None:
    outcome = in_box(box, lambda box: box.run(spec(process("cat")), stdin=b"one\ntwo\n"))
    assert outcome.lines == ["one", "two"]


# -- what it runs


def test_exit_status_is_the_programs(box: Box) -> None:
    assert run(box, shell("exit 42")).code == 42
    assert run(box, shell("kill -9 $$; exit 3")).code == 3, "process 1 is not killed from inside"


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("foo", 'exec: "foo": executable file not found in $PATH', 127),
        ("/x", 'exec: "/x": stat /x: no such file or directory', 127),
        ("./x", 'exec: "./x": stat ./x: no such file or directory', 127),
        ("/etc", 'exec: "/etc": is a directory: permission denied', 126),
        ("/etc/passwd", 'exec: "/etc/passwd": permission denied', 126),
        ("/etc/passwd/x", 'exec: "/etc/passwd/x": stat /etc/passwd/x: not a directory', 127),
    ],
)
def test_a_program_that_cannot_be_started(box: Box, name: str, error: str, code: int) -> None:
    outcome = run(box, process(name))
    assert (outcome.error, outcome.code) == (error, code)


@pytest.mark.parametrize(
    ("content", "reason"), [("#!/nowhere\n", "no such file or directory"), ("\x7fELF?", "exec format error")]
)
def test_what_only_execve_finds_out_is_the_programs_own_end(box: Box, root: Path, content: str, reason: str) -> None:
    (root / "bad").write_text(content)
    (root / "bad").chmod(0o755)
    outcome = run(box, process("/bad"))
    assert (outcome.error, outcome.out, outcome.code) == ("", f"exec /bad: {reason}\n", 255)


def test_a_program_that_the_user_may_not_execute(box: Box, root: Path) -> None:
    (root / "mine").write_text("#!/bin/sh\n")
    (root / "mine").chmod(0o700)
    outcome = run(box, process("/mine", user=User(username="bob")))
    assert (outcome.error, outcome.code) == ('exec: "/mine": permission denied', 126)


def test_the_path_is_that_of_the_environment(box: Box, root: Path) -> None:
    (root / "opt").mkdir()
    (root / "opt/tool").write_text("#!/bin/sh\necho found $0\n")
    (root / "opt/tool").chmod(0o755)
    assert run(box, process("tool", env=("PATH=/none:/opt:/bin",))).lines == ["found /opt/tool"]
    assert run(box, process("sh", env=())).code == 127


def test_bytes_that_are_not_text_go_through(box: Box) -> None:
    odd = os.fsdecode(b"\xff\xfe")
    script = 'printf "%s" "$1" | od -An -tx1; printf "%s" "$ODD" | od -An -tx1'
    first = process("sh", "-c", script, "-", odd, env=(*ENV, f"ODD={odd}"))
    assert [line.split() for line in run(box, first).lines] == [["ff", "fe"], ["ff", "fe"]]
