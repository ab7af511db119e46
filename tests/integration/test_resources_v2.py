"""Limits on a host with pure cgroup version 2, as the container itself sees them and as the kernel enforces them."""

from __future__ import annotations

import pytest

from support.host import TestHost

pytestmark = pytest.mark.requires("cgroup2")


@pytest.mark.parametrize(
    ("flags", "file", "content"),
    [
        ("--memory 64m", "memory.max", "67108864"),
        ("--memory 64m", "memory.swap.max", "67108864"),
        ("--memory 64m --memory-swap 64m", "memory.swap.max", "0"),
        ("--memory-reservation 32m", "memory.low", "33554432"),
        ("--cpus 0.5", "cpu.max", "50000 100000"),
        ("--cpu-shares 1024", "cpu.weight", "100"),
        ("--pids-limit 50", "pids.max", "50"),
        ("--cpuset-cpus 0", "cpuset.cpus.effective", "0"),
    ],
    ids=lambda value: value.replace("--", "").replace(" ", "-"),
)
def test_limit_is_what_the_container_reads(host: TestHost, flags: str, file: str, content: str) -> None:
    ran = host.docker("run", "--rm", *flags.split(), "busybox", "cat", f"/sys/fs/cgroup/{file}")
    if file == "cpu.weight":  # the conversion from shares changed between kernels' and runtimes' versions
        assert 1 <= int(ran.stdout) <= 10000
    else:
        assert ran.stdout.strip() == content


def test_out_of_memory_is_reported(host: TestHost) -> None:
    try:
        host.docker("run", "--name", "oom2", "--memory", "20m", "--memory-swap", "20m", "busybox", "tail", "/dev/zero",
                    check=False)  # fmt: skip
        assert host.docker("inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", "oom2").stdout == "true 137\n"
    finally:
        host.docker("rm", "-f", "oom2")


def test_pause_freezes(host: TestHost) -> None:
    try:
        host.docker("run", "-d", "--name", "frozen2", "busybox", "sh", "-c", "while :; do echo x; sleep 0.05; done")
        host.docker("pause", "frozen2")
        before = host.docker("logs", "frozen2").stdout
        assert host.docker("logs", "frozen2").stdout == before
        assert host.docker("inspect", "-f", "{{.State.Status}}", "frozen2").stdout == "paused\n"
        host.docker("unpause", "frozen2")
    finally:
        host.docker("rm", "-f", "frozen2")


def test_devices_are_denied_by_program(host: TestHost) -> None:
    made = host.docker("run", "--rm", "busybox", "sh", "-c", "mknod /tmp/d b 7 0 && cat /tmp/d", check=False)
    assert "Operation not permitted" in made.stderr
    allowed = host.docker("run", "--rm", "--device", "/dev/loop0", "busybox", "sh", "-c", "cat /dev/loop0", check=False)
    assert "not permitted" not in allowed.stderr


def test_own_cgroup_namespace(host: TestHost) -> None:
    assert host.docker("run", "--rm", "busybox", "cat", "/proc/self/cgroup").stdout == "0::/\n"
    host.docker("run", "--rm", "busybox", "sh", "-c", "! mkdir /sys/fs/cgroup/x")
