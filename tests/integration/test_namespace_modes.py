"""Namespaces of containers: private, the host's, another container's; what inspect and ``corral ns`` show of them.

The words of refusals are Docker's, compared on the same machine.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator

import pytest

from support.host import TestHost

pytestmark = pytest.mark.usefixtures("clean")

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


@pytest.fixture
def donor(host: TestHost) -> Iterator[str]:
    host.docker("run", "-d", "--name", "donor", "--ipc", "shareable", "busybox", "sleep", "1000")
    yield "donor"


def namespaces(host: TestHost, name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(host.docker("inspect", "-f", "{{json .State.Namespaces}}", name).stdout)
    return found


def sleeping(host: TestHost, name: str, *flags: str) -> dict[str, str]:
    host.docker("run", "-d", "--name", name, *flags, "busybox", "sleep", "1000")
    return namespaces(host, name)


def own(host: TestHost) -> dict[str, str]:
    """The engine's, whose network namespace is the test host's."""
    assert host.daemon is not None
    return {kind: os.readlink(f"/proc/{host.daemon.pid}/ns/{kind}") for kind in KINDS}


def test_inspect_shows_the_namespaces_of_the_first_process(host: TestHost) -> None:
    shown = sleeping(host, "plain")
    pid = host.docker("inspect", "-f", "{{.State.Pid}}", "plain").stdout.strip()
    assert shown == {kind: os.readlink(f"/proc/{pid}/ns/{kind}") for kind in KINDS}
    host.docker("stop", "-t", "0", "plain")
    assert '"Namespaces"' not in host.docker("inspect", "plain").stdout


def test_a_container_shares_time_and_user_only(host: TestHost) -> None:
    shown, engine = sleeping(host, "plain"), own(host)
    assert {kind for kind in KINDS if shown[kind] == engine[kind]} == {"time", "user"}
    kinds = json.loads(host.docker("inspect", "-f", "{{json .State.HostNamespaces}}", "plain").stdout)
    assert kinds == ["time", "user"]


@pytest.mark.parametrize(
    ("flag", "kind"), [("pid", "pid"), ("ipc", "ipc"), ("uts", "uts"), ("network", "net"), ("cgroupns", "cgroup")]
)
def test_host_is_the_hosts(host: TestHost, flag: str, kind: str) -> None:
    shown, engine = sleeping(host, "shared", f"--{flag}", "host"), own(host)
    assert {one for one in KINDS if shown[one] == engine[one]} == {"time", "user", kind}


@pytest.mark.parametrize(("flag", "kind"), [("pid", "pid"), ("ipc", "ipc"), ("network", "net")])
def test_container_is_another_containers(host: TestHost, donor: str, flag: str, kind: str) -> None:
    shown, theirs = sleeping(host, "guest", f"--{flag}", f"container:{donor}"), namespaces(host, donor)
    assert {one for one in KINDS if shown[one] == theirs[one]} == {"time", "user", kind}


def test_all_of_another_container_at_once(host: TestHost, donor: str) -> None:
    flags = [f"--{flag}=container:{donor}" for flag in ("pid", "ipc", "network")]
    shown, theirs = sleeping(host, "guest", *flags), namespaces(host, donor)
    assert {one for one in KINDS if shown[one] == theirs[one]} == {"time", "user", "pid", "ipc", "net"}
    assert "sleep 1000" in host.docker("exec", "guest", "ps").stdout


def test_private_cgroup_namespaces_and_privileges_go_together(host: TestHost) -> None:
    flags = ("--cgroupns", "private", "--privileged")
    out = host.docker("run", "--rm", *flags, "busybox", "cat", "/proc/self/cgroup").stdout
    assert all(line.endswith(":/") for line in out.splitlines())


def test_ipc_none_has_no_shared_memory(host: TestHost) -> None:
    script = "ls /dev/shm 2>&1 | grep -c 'No such'; test -d /dev/mqueue && echo mqueue"
    assert host.docker("run", "--rm", "--ipc", "none", "busybox", "sh", "-c", script).stdout.split() == ["1", "mqueue"]


def test_ipc_container_shares_dev_shm(host: TestHost, donor: str) -> None:
    write = ("busybox", "sh", "-c", "echo hello > /dev/shm/x")
    host.docker("run", "--rm", "--ipc", f"container:{donor}", *write)
    read = ("busybox", "cat", "/dev/shm/x")
    assert host.docker("run", "--rm", "--ipc", f"container:{donor}", *read).stdout == "hello\n"


def test_uts_host_has_the_hosts_name(host: TestHost) -> None:
    assert host.docker("run", "--rm", "--uts", "host", "busybox", "hostname").stdout.strip() == socket.gethostname()


def test_pid_host_sees_the_hosts_processes(host: TestHost) -> None:
    out = host.docker("run", "--rm", "--pid", "host", "busybox", "ls", "/proc").stdout
    assert str(os.getpid()) in out.split()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--ipc", "container:private"), "non-shareable IPC (hint: use IpcMode:shareable for the donor container)"),
        (("--ipc", "container:stopped"), "is not running"),
        (("--ipc", "container:nosuch"), "No such container: nosuch"),
        (("--ipc", "container:"), 'failed to join IPC namespace: invalid name or ID supplied: ""'),
        (("--ipc", "bogus"), "invalid IPC mode: bogus"),
        (("--pid", "container:stopped"), "failed to join PID namespace: container"),
        (("--pid", "container:nosuch"), "No such container: nosuch"),
        (("--pid", "bogus"), "--pid: invalid PID mode"),
        (("--uts", "bogus"), "--uts: invalid UTS mode"),
        (("--uts", "container:private"), "--uts: invalid UTS mode"),
        (("--uts", "host", "--hostname", "x"), "conflicting options: hostname and the UTS mode"),
        (("--uts", "host", "--domainname", "x"), 'sysctl "kernel.domainname" is not in a separate kernel namespace'),
        (("--network", "container:stopped"), "cannot join network namespace of a non running container"),
        (("--network", "container:nosuch"), "No such container: nosuch"),
        (("--network", "container:"), "invalid network mode: invalid container format container:<name|id>"),
        (("--network", "container:private", "--hostname", "x"), "conflicting options: hostname and the network mode"),
        (("--cgroupns", "bogus"), "--cgroupns: invalid CGROUP mode"),
        (("--userns", "bogus"), "--userns: invalid USER mode"),
    ],
)
def test_refusals_are_dockers(host: TestHost, flags: tuple[str, ...], message: str) -> None:
    host.docker("run", "-d", "--name", "private", "busybox", "sleep", "1000")
    host.docker("create", "--name", "stopped", "busybox", "true")
    done = host.docker("run", "--rm", *flags, "busybox", "true", check=False)
    assert done.returncode == 125
    assert message in done.stderr


def test_a_donor_that_has_gone_is_missed_at_the_start(host: TestHost, donor: str) -> None:
    host.docker("create", "--name", "guest", "--pid", f"container:{donor}", "busybox", "true")
    host.docker("stop", "-t", "0", donor)
    done = host.docker("start", "guest", check=False)
    assert "failed to join PID namespace: container" in done.stderr
    assert "is not running" in done.stderr


# -- corral ns


def test_ns_lists_which_containers_share_which_namespace(host: TestHost, donor: str) -> None:
    sleeping(host, "guest", "--pid", f"container:{donor}", "--network", "host")
    theirs = namespaces(host, donor)
    lines = [line.split() for line in host.corral("ns").stdout.splitlines()]
    assert lines[0] == ["TYPE", "INODE", "HOST", "CONTAINERS"]
    inode = theirs["pid"].partition("[")[2].rstrip("]")
    assert ["pid", inode, "no", "donor,guest"] in lines
    assert [line[3] for line in lines if line[0] == "net" and line[2] == "yes"] == ["guest"]
    shared = host.corral("ns", "--shared", "--format", "{{.Type}} {{.Containers}}").stdout.splitlines()
    assert shared == ["net guest", "pid donor,guest", "time donor,guest", "user donor,guest"]
    only = host.corral("ns", "--format", "{{.Type}} {{.Count}}", "guest").stdout.splitlines()
    assert only == [f"{kind} 1" for kind in KINDS]
    rows = [json.loads(line) for line in host.corral("ns", "--format", "json", "guest").stdout.splitlines()]
    assert {row["Containers"] for row in rows} == {"guest"}


def test_ns_of_a_container_that_there_is_not(host: TestHost) -> None:
    done = host.corral("ns", "nosuch", check=False)
    assert done.returncode == 1
    assert "No such container: nosuch" in done.stderr
