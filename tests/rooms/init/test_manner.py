"""What few processes want: schedulers, I/O priority, memory policy, personality, more descriptors, other roots."""

from __future__ import annotations

import dataclasses
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from corral.errors import Invalid
from corral.linux import keyctl, libc, namespace
from corral.linux import mount as m
from corral.oci.annotations import REAPER
from corral.oci.runtime import (
    ConsoleSize,
    ExecCPUAffinity,
    Hook,
    Hooks,
    IOPriority,
    MemoryPolicy,
    Personality,
    Process,
    Scheduler,
)
from corral.runtime.init.spawn import Options, ProcessFds, spawn_exec
from support.boxes import NEEDS, Box, Outcome, Running, in_box, process, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)

SLEEP = process("sleep", "60")
STATUS = "cut -d' ' -f18,19,40,41 /proc/self/stat"
"""Kernel priority, nice, real-time priority, policy."""


def run(box: Box, first: Process, **fields: Any) -> Outcome:
    outcome = in_box(box, lambda box: box.run(spec(first, **fields)))
    assert isinstance(outcome, Outcome)
    return outcome


def execute(box: Box, more: Process, first: Process = SLEEP, **linux: Any) -> Outcome:
    def scenario(box: Box) -> Outcome:
        description = spec(first, linux=linux)
        with box.running(description) as container:
            return box.exec(container, description, more)

    outcome = in_box(box, scenario)
    assert isinstance(outcome, Outcome)
    return outcome


# -- scheduling


@pytest.mark.parametrize(
    ("scheduler", "shown"),
    [
        (Scheduler("SCHED_OTHER", nice=7), "27 7 0 0"),
        (Scheduler("SCHED_BATCH", nice=3), "23 3 0 3"),
        (Scheduler("SCHED_IDLE"), "20 0 0 5"),
    ],
)
def test_scheduler(box: Box, scheduler: Scheduler, shown: str) -> None:
    assert run(box, shell(STATUS, scheduler=scheduler)).lines == [shown]
    assert execute(box, shell(STATUS, scheduler=scheduler)).lines == [shown]


@pytest.mark.parametrize(
    ("scheduler", "error"),
    [
        (Scheduler("SCHED_FAST"), "invalid scheduler policy: SCHED_FAST"),
        (Scheduler("SCHED_OTHER", flags=("SCHED_FLAG_X",)), "invalid scheduler flag: SCHED_FLAG_X"),
        (Scheduler("SCHED_FIFO", priority=200), "error setting scheduler SCHED_FIFO: invalid argument"),
    ],
)
def test_a_scheduler_that_there_is_not(box: Box, scheduler: Scheduler, error: str) -> None:
    assert run(box, shell("true", scheduler=scheduler)).error == error


@pytest.mark.parametrize("ioclass", [1, 2, 3])
def test_io_priority(box: Box, root: Path, ioclass: int) -> None:
    (root / "bin/ionice").symlink_to("busybox")
    names = {1: "IOPRIO_CLASS_RT", 2: "IOPRIO_CLASS_BE", 3: "IOPRIO_CLASS_IDLE"}
    shown = {1: "realtime: prio 5", 2: "best-effort: prio 5", 3: "idle"}
    first = process("ionice", io_priority=IOPriority(names[ioclass], 5))
    outcome = run(box, first)
    assert outcome.lines == [shown[ioclass]], outcome.error


@pytest.mark.parametrize(
    ("priority", "error"),
    [
        (IOPriority("IOPRIO_CLASS_X", 1), "invalid io priority class: IOPRIO_CLASS_X"),
        (IOPriority("IOPRIO_CLASS_BE", 8), "invalid ioPriority.Priority: 8"),
    ],
)
def test_an_io_priority_that_there_is_not(box: Box, priority: IOPriority, error: str) -> None:
    assert run(box, shell("true", io_priority=priority)).error == error


def test_memory_policy(box: Box) -> None:
    policy = {"memory_policy": MemoryPolicy("MPOL_BIND", "0", ("MPOL_F_STATIC_NODES",))}
    script = "grep -o 'bind=static:0' /proc/self/numa_maps | sort -u"
    assert run(box, shell(script), linux=policy).lines == ["bind=static:0"]
    assert execute(box, shell(script), **policy).lines == ["bind=static:0"]


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        (MemoryPolicy("MPOL_X"), "invalid memory policy mode: MPOL_X"),
        (MemoryPolicy("MPOL_BIND", "0-"), "invalid list '0-'"),
        (MemoryPolicy("MPOL_BIND"), "error setting memory policy MPOL_BIND: invalid argument"),
        (MemoryPolicy("MPOL_BIND", "1000"), "error setting memory policy MPOL_BIND 1000: invalid argument"),
        (MemoryPolicy("MPOL_BIND", "0", ("MPOL_F_X",)), "invalid memory policy flag: MPOL_F_X"),
    ],
)
def test_a_memory_policy_that_there_is_not(box: Box, policy: MemoryPolicy, error: str) -> None:
    assert run(box, shell("true"), linux={"memory_policy": policy}).error == error


@pytest.mark.parametrize(("domain", "flags"), [("LINUX", "00000000"), ("LINUX32", "00000008")])
def test_personality(box: Box, domain: str, flags: str) -> None:
    linux = {"personality": Personality(domain)}
    assert run(box, shell("cat /proc/self/personality"), linux=linux).lines == [flags]
    assert execute(box, shell("cat /proc/self/personality"), **linux).lines == [flags]


def test_a_personality_that_is_not_supported(box: Box) -> None:
    assert run(box, shell("true"), linux={"personality": Personality("BSD")}).error == (
        "unsupported personality domain 'BSD'"
    )


def test_affinity_of_an_exec(box: Box) -> None:
    script = "grep Cpus_allowed_list /proc/self/status | cut -f2"
    cpus = sorted(os.sched_getaffinity(0))
    last = str(cpus[-1])
    assert execute(box, shell(script, exec_cpu_affinity=ExecCPUAffinity(final=last))).lines == [last]
    both = ExecCPUAffinity(initial=str(cpus[0]), final=last)
    assert execute(box, shell(script, exec_cpu_affinity=both)).lines == [last]


def test_an_exec_is_like_the_first_process_unless_it_says_otherwise(box: Box, root: Path) -> None:
    (root / "bin/ionice").symlink_to("busybox")
    last = str(max(os.sched_getaffinity(0)))
    first = dataclasses.replace(
        SLEEP,
        scheduler=Scheduler("SCHED_BATCH", nice=3),
        io_priority=IOPriority("IOPRIO_CLASS_BE", 6),
        exec_cpu_affinity=ExecCPUAffinity(final=last),
    )
    script = f"{STATUS}; ionice; grep Cpus_allowed_list /proc/self/status | cut -f2"
    assert execute(box, shell(script), first).lines == ["23 3 0 3", "best-effort: prio 6", last]
    own = shell(script, scheduler=Scheduler("SCHED_OTHER", nice=1))
    assert execute(box, own, first).lines == ["21 1 0 0", "best-effort: prio 6", last]


def test_affinity_is_not_the_first_processs_business(box: Box) -> None:
    script = "grep Cpus_allowed_list /proc/self/status | cut -f2"
    plain = run(box, shell(script)).lines
    assert run(box, shell(script, exec_cpu_affinity=ExecCPUAffinity(final="0"))).lines == plain


def test_an_affinity_with_a_processor_that_there_is_not(box: Box) -> None:
    more = shell("true", exec_cpu_affinity=ExecCPUAffinity(initial="4000"))
    assert execute(box, more).error == "error setting CPU affinity 4000: invalid argument"


# -- descriptors

OPEN = "ls -1 /proc/self/fd | sort -n | tr '\\n' ' '"


@pytest.mark.parametrize("reaper", [False, True])
def test_descriptors_are_handed_on(box: Box, tmp_path: Path, reaper: bool) -> None:
    annotations = {REAPER: '["/sbin/docker-init", "--", "sh"]'} if reaper else {}

    def scenario(box: Box) -> Outcome:
        files = []
        for name in ("a", "b", "c"):
            (tmp_path / name).write_text(name)
            files.append(os.open(tmp_path / name, os.O_RDONLY))
        script = "cat <&3 <&3; cat <&4; cat <&5; echo; echo $LISTEN_FDS $((LISTEN_PID == $$)); test -e /proc/self/fd/6"
        return box.run(spec(shell(script), annotations=annotations), extra=files, listen=2)

    outcome = in_box(box, scenario)
    assert outcome.lines == ["abc", "2 1"]
    assert outcome.code == 1, "nothing else is open"


def test_descriptors_in_any_order_find_their_place(box: Box, tmp_path: Path) -> None:
    """Sources that are where others have to go."""

    def scenario(box: Box) -> Outcome:
        ends = []
        for number in range(20):
            (tmp_path / str(number)).write_text(f"{number} ")
            ends.append(os.open(tmp_path / str(number), os.O_RDONLY))
        script = "for n in $(seq 3 22); do cat <&$n; done"
        return box.run(spec(shell(script)), extra=list(reversed(ends)))

    assert in_box(box, scenario).out.split() == [str(n) for n in reversed(range(20))]


def test_an_exec_gets_its_own(box: Box) -> None:
    def scenario(box: Box) -> Outcome:
        ours, theirs = socket.socketpair()
        ours.sendall(b"hello")
        ours.close()
        description = spec(SLEEP)
        with box.running(description) as container:

            def clone(fds: ProcessFds) -> Any:
                fds = dataclasses.replace(fds, extra=(theirs.fileno(),))
                more = shell("cat <&3; echo; test -e /proc/self/fd/4 || echo $LISTEN_FDS none")
                return spawn_exec(container.child.pidfd, more, fds=fds, cgroup=box.cgroup, spec=description)

            return Running(clone).finish()

    assert in_box(box, scenario).lines == ["hello", "none"]


def test_hooks_and_the_reaper_do_not_get_them(box: Box) -> None:
    script = "ls /proc/self/fd | wc -l"
    made = Hooks(start_container=(Hook("/bin/sh", ("sh", "-c", f"{script} > /count")),))
    annotations = {REAPER: '["/sbin/docker-init", "--", "sh"]'}

    def scenario(box: Box) -> Outcome:
        read, _ = os.pipe()
        first = shell("cat /count; ls /proc/1/fd | wc -l; ls /proc/self/fd | wc -l")
        return box.run(spec(first, hooks=made, annotations=annotations), extra=[read, read])

    hook, reaper, program = (int(line) for line in in_box(box, scenario).lines)
    assert (hook, reaper, program) == (4, 3, 6), "ls has one more open"


# -- the root


def test_a_root_that_cannot_be_pivoted_covers_the_hosts(box: Box, root: Path) -> None:
    script = "ls /; cut -d' ' -f3 /proc/mounts | grep -c '^proc$'; ls -di /.. / | awk '{print $1}' | sort -u | wc -l"
    outcome = in_box(box, lambda box: box.run(spec(shell(script)), options=Options(no_pivot=True)))
    assert outcome.error == ""
    assert outcome.lines[:-2] == sorted([*(p.name for p in root.iterdir())])
    assert outcome.lines[-1] == "1"


def test_without_pivot_the_hosts_proc_is_out_of_reach(box: Box) -> None:
    """A container with all capabilities could otherwise mount a second one without masks: what the kernel checks is
    whether it sees one that is whole."""

    def scenario(box: Box) -> Outcome:
        return box.run(
            spec(shell("mkdir /p; mount -t proc proc /p 2>&1; ls /p | wc -l")), options=Options(no_pivot=True)
        )

    assert in_box(box, scenario).lines[-1] == "0"


@pytest.mark.parametrize(
    ("name", "down"), [("private", False), ("rprivate", False), ("slave", True), ("rslave", True), ("shared", False),
     ("rshared", False), ("unbindable", False), ("", False)],
)  # fmt: skip
def test_propagation_of_the_root(box: Box, root: Path, name: str, down: bool) -> None:
    """Down: what the host mounts in it later appears in the container."""

    def scenario(box: Box) -> list[Any]:
        namespace.unshare(namespace.CLONE_NEWNS)
        m.mount(None, "/", None, m.MS_PRIVATE | m.MS_REC, None)
        m.mount(str(root), str(root), None, m.MS_BIND, None)
        m.mount(None, str(root), None, m.MS_SHARED, None)
        (root / "late").mkdir()
        os.mkfifo(root / "gate")
        script = "echo up; read x < /gate; test -e /late/seen && echo down; grep ' / / ' /proc/self/mountinfo"
        running = box.start(spec(shell(script), linux={"rootfs_propagation": name}))
        seen = running.read_until("up")
        m.mount("late", str(root / "late"), "tmpfs", 0, None)
        (root / "late/seen").touch()
        (root / "gate").write_text("go\n")
        lines = (seen + running.finish().out).split("\n")
        return ["down" in lines, lines]

    seen, lines = in_box(box, scenario)
    assert seen is down, lines


def test_an_unknown_propagation(box: Box) -> None:
    def scenario(box: Box) -> str:
        try:
            box.run(spec(shell("true"), linux={"rootfs_propagation": "wide"}))
        except Invalid as error:
            return str(error)
        return ""

    assert in_box(box, scenario) == "invalid rootfsPropagation: wide"


@pytest.mark.parametrize("new", [True, False])
def test_the_session_keyring(box: Box, tmp_path: Path, new: bool) -> None:
    """A hook that container init runs sees which one it is in."""
    number = libc.SYSCALLS["keyctl"]
    script = f"import ctypes; print(ctypes.CDLL(None).syscall({number}, 0, -3, 0))"  # KEYCTL_GET_KEYRING_ID
    seen = tmp_path / "keyring"
    hook = Hook("/bin/sh", ("sh", "-c", f"{sys.executable} -c '{script}' > {seen}"), (f"PATH={os.environ['PATH']}",))

    def scenario(box: Box) -> list[Any]:
        keyctl.join_session_keyring()
        ours = libc.syscall("keyctl", 0, -3, 0)
        outcome = box.run(
            spec(shell("true"), hooks=Hooks(create_container=(hook,))), options=Options(no_new_keyring=not new)
        )
        return [outcome.error, int(seen.read_text()) == ours]

    assert in_box(box, scenario) == ["", not new]


def test_dev_console_is_the_terminal_that_the_program_has(box: Box) -> None:
    size = ConsoleSize(24, 80)
    outcome = run(
        box,
        shell(
            "tty; stty size < /dev/console; stat -L -c %t:%T /dev/console /dev/pts/0", terminal=True, console_size=size
        ),
    )
    assert outcome.lines[:2] == ["/dev/pts/0", "24 80"]
    assert outcome.lines[2] == outcome.lines[3]


def test_the_console_is_only_there_with_a_terminal(box: Box) -> None:
    assert run(box, shell("test -e /dev/console")).code == 1
