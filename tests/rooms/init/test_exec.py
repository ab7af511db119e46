"""One more process in a running container."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corral.errors import Conflict
from corral.oci.runtime import Capabilities, ConsoleSize, Namespace, Process, User
from corral.runtime.cgroups import Cgroup
from corral.runtime.cgroups.hierarchies import Hierarchies
from corral.runtime.init.spawn import ProcessFds, spawn_exec
from corral.runtime.security import capabilities
from corral.runtime.security.capabilities import mask_of
from support.boxes import NEEDS, USABLE, Box, Outcome, Running, in_box, process, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)

FIRST = spec(shell("echo ready; exec sleep 100", cwd="/tmp"))


def in_container(box: Box, scenario: Callable[[Box, Running], Any], first: Any = FIRST) -> Any:
    def inside(box: Box) -> Any:
        with box.running(first) as container:
            return scenario(box, container)

    return in_box(box, inside)


def run(box: Box, more: Process) -> Outcome:
    outcome = in_container(box, lambda box, container: box.exec(container, FIRST, more))
    assert isinstance(outcome, Outcome)
    return outcome


def test_it_is_in_all_namespaces_of_the_container(box: Box) -> None:
    names = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
    script = "for n in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$n; done"

    def scenario(box: Box, container: Running) -> list[list[str]]:
        theirs = [os.readlink(f"/proc/{container.child.pid}/ns/{name}") for name in names]
        return [theirs, box.exec(container, FIRST, shell(script)).lines]

    theirs, seen = in_container(box, scenario)
    assert seen == theirs


def test_it_joins_a_container_that_shares_the_hosts_namespaces(box: Box) -> None:
    first = spec(FIRST.process, hostname="", linux={"namespaces": (Namespace("mount"),)})

    def scenario(box: Box, container: Running) -> Outcome:
        return box.exec(container, first, shell("readlink /proc/self/ns/pid; readlink /proc/self/ns/net; ls /"))

    outcome = in_container(box, scenario, first)
    assert outcome.lines[:2] == [os.readlink("/proc/self/ns/pid"), os.readlink("/proc/self/ns/net")]
    assert "bin" in outcome.lines


def test_it_sees_the_root_and_the_processes_of_the_container(box: Box) -> None:
    outcome = run(box, shell("cat /etc/passwd | head -1; ps -o pid,args; pwd"))
    assert outcome.lines[0] == "root:x:0:0:root:/root:/bin/sh"
    assert outcome.lines[2].split() == ["1", "sleep", "100"]
    assert outcome.lines[-1] == "/"


def test_exit_codes(box: Box) -> None:
    assert run(box, shell("exit 42")).code == 42
    assert run(box, shell("kill -9 $$")).code == -9


def test_user_groups_home_and_directory(box: Box) -> None:
    more = shell("id -u; id -G; echo $HOME; pwd", user=User(username="bob"), additional_groups=("77",), cwd="/etc")
    assert run(box, more).lines == ["1000", "1000 29 77", "/home/bob", "/etc"]


@pytest.mark.parametrize(
    ("more", "error", "code"),
    [
        (process("foo"), 'exec: "foo": executable file not found in $PATH', 127),
        (process("/x"), 'exec: "/x": stat /x: no such file or directory', 127),
        (process("/etc"), 'exec: "/etc": is a directory: permission denied', 126),
        (shell("true", cwd="/no"), 'chdir to cwd ("/no") set in config.json failed: no such file or directory', 127),
        (
            shell("true", user=User(username="ghost")),
            "unable to find user ghost: no matching entries in passwd file",
            125,
        ),
    ],
)
def test_what_cannot_be_done_reads_as_in_docker(box: Box, more: Process, error: str, code: int) -> None:
    outcome = run(box, more)
    assert (outcome.error, outcome.code) == (error, code)


def test_a_terminal_of_its_own(box: Box) -> None:
    more = shell("tty; stty size; stat -c %u $(tty); echo x > /dev/tty", terminal=True, console_size=ConsoleSize(5, 7))
    assert run(box, more).lines == ["/dev/pts/0", "5 7", "0", "x"]


def test_capabilities_are_those_asked_for(box: Box) -> None:
    script = "grep -E '^Cap(Bnd|Eff|Prm)' /proc/self/status | cut -f2"
    assert {int(line, 16) for line in run(box, shell(script)).lines} == {mask_of(USABLE)}
    names = capabilities.available()
    everything = Capabilities(bounding=names, effective=names, permitted=names)
    assert {int(line, 16) for line in run(box, shell(script, capabilities=everything)).lines} == {mask_of(names)}


@pytest.mark.requires("cgroup")
def test_it_is_in_the_containers_cgroup(box: Box, mark: str) -> None:
    cgroup = Cgroup.at(Hierarchies.of_host(), f"/{mark}-initexec{os.getpid()}")
    placed = Box(box.rootfs, box.bundle, cgroup)

    def scenario(box: Box, container: Running) -> bool:
        more = box.start_exec(container, FIRST, shell("echo ready; exec sleep 100"))
        inside = cgroup.pids() == sorted([container.child.pid, more.child.pid])
        more.signal(9)
        more.finish()
        return inside

    cgroup.create(None)
    try:
        assert in_container(placed, scenario)
    finally:
        cgroup.delete()


def test_a_container_that_has_ended_cannot_be_joined(box: Box) -> None:
    def scenario(box: Box) -> str:
        container = box.start(spec(shell("true")))
        os.waitid(os.P_PID, container.child.pid, os.WEXITED | os.WNOWAIT)
        try:
            spawn_exec(container.child.pidfd, process("true"), fds=ProcessFds(0, 1, 2), cgroup=box.cgroup, spec=FIRST)
        except Conflict as error:
            return str(error)
        finally:
            container.finish()
        return "joined"

    assert in_box(box, scenario) == "cannot exec in a stopped container"


def test_it_dies_with_the_container(box: Box) -> None:
    def scenario(box: Box, container: Running) -> int:
        more = box.start_exec(container, FIRST, shell("echo ready; exec sleep 100"))
        more.read_until("ready")
        container.signal(signal.SIGKILL)
        return more.finish().code

    assert in_container(box, scenario) == -9


def test_nothing_is_left_of_it(box: Box) -> None:
    def scenario(box: Box, container: Running) -> list[int]:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            box.exec(container, FIRST, shell("true"))
            box.exec(container, FIRST, process("foo"))
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return [len(os.listdir("/proc/self/fd")) - before, len(children)]

    assert in_container(box, scenario) == [0, 1]
