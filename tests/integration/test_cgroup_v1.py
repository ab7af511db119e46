"""A host with version 1 of control groups alone: the engine sees no version 2, and does all without it."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.runtime.cgroups import Hierarchies
from support import engines
from support.host import TestHost

pytestmark = pytest.mark.requires(*engines.NEEDS)

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def old(mark: str, busybox: Path) -> Iterator[TestHost]:
    hierarchies = Hierarchies.of_host()
    if not hierarchies.has_v1("memory"):
        pytest.skip("the memory controller is not in version 1 of control groups")
    with contextlib.ExitStack() as undo:
        enter: list[str] = []
        if hierarchies.v2 is not None:
            enter = undo.enter_context(_without(hierarchies.v2.mount_point))
        host = TestHost(mark, enter=enter)
        undo.callback(host.close)
        host.start()
        host.import_busybox(busybox)
        yield host


@contextlib.contextmanager
def _without(mount: str) -> Iterator[list[str]]:
    """What enters a mount namespace in which ``mount`` is not."""
    script = 'umount -l "$0"; echo done; exec sleep 10000'
    keeper = subprocess.Popen(
        ["unshare", "-m", "--propagation", "private", "sh", "-ec", script, mount], stdout=subprocess.PIPE
    )
    try:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"done\n"
        yield ["nsenter", "-t", str(keeper.pid), "-m", "--"]
    finally:
        keeper.kill()
        keeper.communicate()


@pytest.fixture
def box(old: TestHost) -> Iterator[str]:
    yield "old-box"
    old.docker("rm", "-f", "-v", "old-box", check=False)


def groups(old: TestHost) -> list[Path]:
    """Directories of containers, in all hierarchies that the host has."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    roots = [Path(line.split()[4]) for line in lines if " - cgroup" in line]
    return [path for root in roots for path in (root / old.cgroup_parent[1:]).glob("*") if path.is_dir()]


def test_info_and_the_container_see_version_1(old: TestHost) -> None:
    assert old.docker("info", "--format", "{{.CgroupDriver}} {{.CgroupVersion}}").stdout == "cgroupfs 1\n"
    shown = old.docker("run", "--rm", "-m", "32m", "busybox", "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
    assert shown.stdout == f"{32 * MEGABYTE}\n"
    assert groups(old) == []


def test_version_2_is_not_touched(old: TestHost, box: str) -> None:
    old.docker("run", "-d", "--name", box, "busybox", "sleep", "1000")
    v2 = Hierarchies.of_host().v2
    assert groups(old)
    assert v2 is None or not [path for path in groups(old) if path.is_relative_to(v2.mount_point)]
    assert "0::/\n" in old.docker("exec", box, "cat", "/proc/self/cgroup").stdout


def test_pause_stops_it_by_the_freezer(old: TestHost, box: str) -> None:
    script = "while :; do echo x; sleep 0.05; done"
    old.docker("run", "-d", "--name", box, "busybox", "sh", "-c", script)
    old.docker("pause", box)
    assert old.docker("inspect", "-f", "{{.State.Status}}", box).stdout == "paused\n"
    before = old.docker("logs", box).stdout
    time.sleep(0.3)
    assert old.docker("logs", box).stdout == before
    old.docker("unpause", box)
    deadline = time.monotonic() + 10
    while old.docker("logs", box).stdout == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert old.docker("logs", box).stdout != before


def test_paused_container_with_many_processes_is_killed(old: TestHost, box: str) -> None:
    script = "for i in $(seq 30); do sleep 1000 & done; wait"
    old.docker("run", "-d", "--name", box, "busybox", "sh", "-c", script)
    old.docker("pause", box)
    old.docker("rm", "-f", box)
    assert groups(old) == []


def test_update_and_stats(old: TestHost, box: str) -> None:
    old.docker("run", "-d", "--name", box, "-m", "64m", "busybox", "sleep", "1000")
    old.docker("update", "-m", "96m", "--memory-swap", "128m", "--cpus", "0.5", "--pids-limit", "33", box)
    cat = "cd /sys/fs/cgroup; cat memory/memory.memsw.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max"
    assert old.docker("exec", box, "sh", "-c", cat).stdout == f"{128 * MEGABYTE}\n50000\n33\n"
    shown = old.docker("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", box).stdout
    assert shown.endswith("/ 96MiB 1\n")


def test_out_of_memory_is_told(old: TestHost, box: str) -> None:
    command = ["-m", "16m", "--memory-swap", "16m", "busybox", "tail", "/dev/zero"]
    assert old.docker("run", "--name", box, *command, check=False).returncode == 137
    assert old.docker("inspect", "-f", "{{.State.OOMKilled}}", box).stdout == "true\n"


def test_devices_are_restricted(old: TestHost, box: str) -> None:
    script = "mknod /tmp/mem c 1 1; head -c0 /tmp/mem || echo no; head -c0 /dev/zero && echo zero"
    done = old.docker("run", "--name", box, "busybox", "sh", "-c", script)
    assert done.stdout == "no\nzero\n"


def test_processes_of_a_shared_pid_namespace_end_with_the_container(old: TestHost, box: str) -> None:
    script = "sleep 98765 & exec sleep 1000"
    old.docker("run", "-d", "--name", box, "--pid", "host", "busybox", "sh", "-c", script)
    old.docker("kill", box)
    old.docker("wait", box)
    old.docker("rm", box)
    assert groups(old) == []


def test_container_survives_the_daemon(old: TestHost, box: str) -> None:
    old.docker("run", "-d", "--name", box, "busybox", "sleep", "1000")
    before = old.docker("inspect", "-f", "{{.State.Pid}}", box).stdout
    old.restart()
    assert old.docker("inspect", "-f", "{{.State.Pid}}", box).stdout == before
    old.docker("pause", box)
    old.docker("unpause", box)
    assert old.docker("exec", box, "echo", "in").stdout == "in\n"


def test_cgroups_command_shows_version_1(old: TestHost, box: str) -> None:
    old.docker("run", "-d", "--name", box, "busybox", "sleep", "1000")
    shown = old.corral("cgroups").stdout
    assert "Cgroup version: 1," in shown
    assert box in shown
