"""Containers that wait for those who enter them, and for the engine that asks about them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.host import TestHost

ALLOWED_SECONDS = 20
EVERYBODY = "while :; do for p in /proc/[0-9]*; do p=${p#/proc/}; test $p = 1 || kill %s $p; done 2>/dev/null; done"


@pytest.fixture
def box(host: TestHost) -> Iterator[str]:
    """The name of a container that a test makes."""
    name = f"hostile-{time.monotonic_ns()}"
    yield name
    host.docker("rm", "-f", name, check=False, timeout=60)
    assert host.docker("ps", "-aq", "--filter", f"name={name}").stdout == ""


def fine(host: TestHost) -> None:
    """Everybody else is served as ever."""
    assert host.docker("run", "--rm", "busybox", "echo", "fine", timeout=ALLOWED_SECONDS).stdout == "fine\n"


def run(host: TestHost, name: str, script: str, *flags: str) -> None:
    host.docker("run", "-d", "--name", name, *flags, "busybox", "sh", "-c", script)


def test_everything_that_enters_is_killed(host: TestHost, box: str) -> None:
    run(
        host,
        box,
        EVERYBODY % "-9",
    )
    ended = [host.docker("exec", box, "sleep", "5", check=False, timeout=30) for _ in range(8)]
    assert all(exec.returncode != 0 for exec in ended)
    assert all("Traceback" not in exec.stderr for exec in ended)
    fine(host)
    assert json.loads(host.docker("inspect", box).stdout)[0]["ExecIDs"] is None
    host.docker("stop", "-t", "1", box, timeout=ALLOWED_SECONDS)


def test_everything_that_enters_is_stopped(host: TestHost, box: str) -> None:
    """An exec that never comes to its program is its own client's trouble, until the container ends."""
    run(
        host,
        box,
        EVERYBODY % "-STOP",
    )
    command = ["docker", "-H", host.url, "exec", box, "sleep", "1000"]
    clients = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
    try:
        fine(host)
        host.docker("top", box, timeout=ALLOWED_SECONDS)
        host.docker("rm", "-f", box, timeout=ALLOWED_SECONDS)
        assert all(client.wait(ALLOWED_SECONDS) != 0 for client in clients)
    finally:
        for client in clients:
            client.kill()
            client.wait()
    fine(host)


def test_the_first_process_is_stopped_from_outside(host: TestHost, box: str) -> None:
    run(host, box, "trap 'exit 0' TERM; while :; do sleep 0.1; done")
    pid = int(host.docker("inspect", "-f", "{{.State.Pid}}", box).stdout)
    os.kill(pid, signal.SIGSTOP)
    assert host.docker("exec", box, "echo", "in").stdout == "in\n"
    begin = time.monotonic()
    host.docker("stop", "-t", "1", box, timeout=ALLOWED_SECONDS)
    assert time.monotonic() - begin < 10
    assert host.docker("inspect", "-f", "{{.State.ExitCode}}", box).stdout == "137\n"


def test_descriptors_of_an_exec_are_kept_by_somebody_else(host: TestHost, box: str) -> None:
    """Handed to another process of the container, which holds them open when the exec has ended."""
    run(host, box, "sleep 1000")
    begin = time.monotonic()
    done = host.docker("exec", box, "sh", "-c", "sleep 1000 & echo started", timeout=ALLOWED_SECONDS)
    assert done.stdout == "started\n"
    assert time.monotonic() - begin < 10
    assert json.loads(host.docker("inspect", box).stdout)[0]["ExecIDs"] is None


@pytest.mark.parametrize("place", ["/proc", "/dev", "/etc", "/bin", "/sys", "/"])
def test_mounts_over_what_the_engine_looks_at(host: TestHost, box: str, place: str) -> None:
    """By a container that may mount: it fools nobody but itself, and nothing of it comes out."""
    script = f"mkdir /t; cp -a /bin /t/; mount -t tmpfs hostile {place}; sleep 1000 || /t/bin/sleep 1000"
    run(host, box, script, "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined")
    done = host.docker("exec", "-u", "0", box, "/t/bin/busybox", "id", check=False, timeout=ALLOWED_SECONDS)
    assert "Traceback" not in done.stderr
    assert "hostile" not in Path("/proc/self/mountinfo").read_text()
    host.docker("top", box)
    host.docker("stats", "--no-stream", box)
    host.docker("logs", box)
    host.docker("restart", "-t", "0", box, timeout=60)
    host.docker("rm", "-f", box)
    fine(host)


def test_users_and_groups_change_while_somebody_enters(host: TestHost, box: str) -> None:
    script = """
        cp /etc/passwd /etc/good; mkfifo /etc/fifo; ln -s /proc/kmsg /etc/link
        while :; do ln -f /etc/good /etc/passwd; rm /etc/passwd; ln /etc/fifo /etc/passwd; rm /etc/passwd
        cp -P /etc/link /etc/passwd; rm -f /etc/passwd; done
    """
    run(host, box, script)
    for _ in range(15):
        done = host.docker("exec", "-u", "user", box, "id", "-u", check=False, timeout=ALLOWED_SECONDS)
        assert done.stdout == "1000\n" or "unable to find user user" in done.stdout + done.stderr, done


def test_a_huge_environment(host: TestHost, box: str) -> None:
    big = "x" * 120_000
    flags = [word for number in range(8) for word in ("-e", f"BIG{number}={big}")]
    assert host.docker("run", "--rm", *flags, "busybox", "sh", "-c", "echo ${#BIG7}").stdout == "120000\n"
    run(host, box, "sleep 1000")
    assert host.docker("exec", *flags, box, "sh", "-c", "echo ${#BIG0}").stdout == "120000\n"
    with contextlib.closing(host.sdk()) as client:
        made = client.api.exec_create(box, ["true"], environment={"ONE": "x" * 200_000})
        client.api.exec_start(made["Id"], detach=True)
    fine(host)


def test_control_groups_cannot_be_left(host: TestHost, box: str) -> None:
    script = """
        for f in $(find /sys/fs/cgroup -name cgroup.procs -o -name tasks -o -name release_agent)
        do echo 1 > $f && echo WROTE $f; done 2>/dev/null
        mkdir /sys/fs/cgroup/new /sys/fs/cgroup/*/new 2>/dev/null && echo MADE
        cat /proc/self/cgroup
    """
    out = host.docker("run", "--rm", "--name", box, "busybox", "sh", "-c", script).stdout
    assert "WROTE" not in out
    assert "MADE" not in out
    assert all(line.endswith(":/") for line in out.splitlines()), out


def test_a_fork_bomb_of_execs(host: TestHost, box: str) -> None:
    """Each counts for the container's limit: there is no room for what they would start."""
    run(host, box, "sleep 1000", "--pids-limit", "8")
    for _ in range(10):
        host.docker("exec", "-d", box, "sleep", "1000", check=False)
    refused = host.docker("exec", box, "sh", "-c", "sleep 1000 & sleep 1000", check=False)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert "can't fork" in refused.stderr or "esource temporarily unavailable" in refused.stdout + refused.stderr
    fine(host)
