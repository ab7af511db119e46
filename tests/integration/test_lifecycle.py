"""Containers through their life with the docker client: states, exit codes, answers of every verb."""

from __future__ import annotations

import concurrent.futures
import json
import time
from typing import Any

import pytest

from support.host import TestHost
from support.poll import until

pytestmark = pytest.mark.usefixtures("clean")


def state(host: TestHost, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.docker("inspect", "-f", "{{json .State}}", name).stdout)
    return found


def test_a_container_runs_and_goes_without_a_trace(host: TestHost) -> None:
    done = host.docker(
        "run", "--rm", "--name", "once", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7", check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert host.docker("ps", "-aq").stdout == ""
    assert list((host.data_root / "containers").iterdir()) == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 255"], 255),
        (["sh", "-c", "kill -TERM $$; sleep 5"], 143),
        (["nosuch"], 127),
        (["/etc"], 126),
        (["/etc/passwd-nosuch/x"], 127),
    ],
)
def test_exit_codes(host: TestHost, command: list[str], code: int) -> None:
    assert host.docker("run", "--rm", "--init", "busybox", *command, check=False).returncode == code


def test_a_start_that_fails_leaves_a_created_container_with_the_reason(host: TestHost) -> None:
    done = host.docker("run", "--name", "broken", "busybox", "nosuch", check=False)
    assert 'exec: "nosuch": executable file not found in $PATH' in done.stderr
    found = state(host, "broken")
    assert (found["Status"], found["ExitCode"], found["Pid"]) == ("created", 127, 0)
    assert "executable file not found" in found["Error"]
    assert host.docker("start", "broken", check=False).returncode == 1
    host.docker("rm", "broken")


def test_stop_sends_the_signal_and_waits(host: TestHost) -> None:
    script = 'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.05; done'
    host.docker("run", "-d", "--name", "polite", "busybox", "sh", "-c", script)
    until(lambda: "up" in host.docker("logs", "polite").stdout)
    host.docker("stop", "polite")
    assert state(host, "polite")["ExitCode"] == 3
    assert host.docker("logs", "polite").stdout == "up\nbye\n"


def test_stop_kills_what_ignores_its_signal(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "deaf", "busybox", "sleep", "1000")
    began = time.monotonic()
    host.docker("stop", "-t", "1", "deaf")
    assert 0.9 < time.monotonic() - began < 5
    assert state(host, "deaf")["ExitCode"] == 137


def test_the_images_stop_signal_is_used(host: TestHost) -> None:
    script = 'trap "exit 5" USR1; echo up; while :; do sleep 0.05; done'
    host.docker("run", "-d", "--name", "own", "--stop-signal", "USR1", "busybox", "sh", "-c", script)
    until(lambda: "up" in host.docker("logs", "own").stdout)
    host.docker("stop", "own")
    assert state(host, "own")["ExitCode"] == 5


def test_pause_freezes_and_unpause_thaws(host: TestHost) -> None:
    script = "i=0; while :; do i=$((i+1)); echo $i; usleep 10000; done"
    host.docker("run", "-d", "--name", "clock", "busybox", "sh", "-c", script)
    until(lambda: host.docker("logs", "clock").stdout != "")
    host.docker("pause", "clock")
    assert state(host, "clock")["Status"] == "paused"
    frozen = host.docker("logs", "clock").stdout
    time.sleep(0.2)
    assert host.docker("logs", "clock").stdout == frozen
    host.docker("unpause", "clock")
    until(lambda: host.docker("logs", "clock").stdout != frozen)
    host.docker("pause", "clock")
    host.docker("rm", "-f", "clock")


def test_restart_keeps_the_container_and_its_files(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "web", "busybox", "sh", "-c", "echo x >> /file; sleep 1000")
    before = host.docker("inspect", "-f", "{{.State.Pid}} {{.Id}}", "web").stdout.split()
    host.docker("restart", "-t", "0", "web")
    after = host.docker("inspect", "-f", "{{.State.Pid}} {{.Id}}", "web").stdout.split()
    assert before[0] != after[0] and before[1] == after[1]
    until(lambda: host.docker("exec", "web", "cat", "/file").stdout == "x\nx\n")


def test_rename_and_the_free_name(host: TestHost) -> None:
    host.docker("create", "--name", "old", "busybox")
    host.docker("rename", "old", "new")
    host.docker("create", "--name", "old", "busybox")
    taken = host.docker("rename", "old", "new", check=False)
    assert 'The container name "/new" is already in use' in taken.stderr


def test_a_name_is_free_as_soon_as_rm_has_returned(host: TestHost) -> None:
    for _ in range(10):
        host.docker("run", "-d", "--name", "same", "busybox", "sleep", "1000")
        host.docker("rm", "-f", "same")


def test_top_shows_the_containers_processes_only(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "busy", "busybox", "sh", "-c", "sleep 1001 & sleep 1002")
    until(lambda: host.docker("top", "busy", "-o", "pid,args").stdout.count("sleep 100") >= 2)
    lines = host.docker("top", "busy").stdout.splitlines()
    assert lines[0].split()[:3] == ["UID", "PID", "PPID"]
    assert all("sleep" in line for line in lines[1:])
    assert "PID" in host.docker("top", "busy", "-o", "comm", check=False).stderr


def test_update_changes_the_kernels_limits_and_the_record(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "small", "-m", "32m", "busybox", "sleep", "1000")
    host.docker("update", "-m", "64m", "--memory-swap", "64m", "--restart", "always", "small")
    found = json.loads(host.docker("inspect", "-f", "{{json .HostConfig}}", "small").stdout)
    assert (found["Memory"], found["MemorySwap"], found["RestartPolicy"]["Name"]) == (64 << 20, 64 << 20, "always")
    limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
    assert host.docker("exec", "small", "sh", "-c", limit).stdout == f"{64 << 20}\n"


def test_an_out_of_memory_kill_is_told(host: TestHost) -> None:
    done = host.docker("run", "--name", "greedy", "-m", "8m", "busybox", "sh", "-c", "tail /dev/zero", check=False)
    assert done.returncode == 137
    assert state(host, "greedy")["OOMKilled"] is True


def test_thirty_two_containers_start_and_go_together(host: TestHost) -> None:
    def run(number: int) -> str:
        return host.docker(
            "run", "-d", "--network", "none", "--name", f"many-{number}", "busybox", "sleep", "1000"
        ).stdout

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = [id.strip() for id in pool.map(run, range(32))]
    assert len(host.docker("ps", "-q").stdout.split()) == 32
    host.docker("rm", "-f", *ids)
    assert host.docker("ps", "-aq").stdout == ""


def test_nothing_is_left_of_containers_that_were_removed(host: TestHost) -> None:
    """No directory, bundle, namespace, sandbox or cgroup."""
    for network in ("bridge", "none"):
        host.docker("run", "--rm", "--network", network, "--ipc", "shareable", "-v", "/data", "busybox", "true")
    left = [
        path
        for directory in (
            host.data_root / "containers",
            host.data_root / "volumes",
            host.exec_root / "containers",
            host.exec_root / "netns",
            host.exec_root / "shm",
            host.exec_root / "sandboxes",
        )
        if directory.exists()
        for path in directory.iterdir()
    ]
    assert left == []


def test_two_containers_share_what_they_are_told_to(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "donor", "--ipc", "shareable", "-h", "shared", "busybox", "sleep", "1000")
    join = ["--network", "container:donor", "--pid", "container:donor", "--ipc", "container:donor"]
    script = "hostname; ps | grep -c 'sleep [1]000'; echo x > /dev/shm/x"
    assert host.docker("run", "--rm", *join, "busybox", "sh", "-c", script).stdout == "shared\n1\n"
    assert host.docker("exec", "donor", "cat", "/dev/shm/x").stdout == "x\n"
    host.docker("rm", "-f", "donor")
    assert "donor" not in host.inside("cat", "/proc/mounts").stdout
