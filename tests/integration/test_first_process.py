"""What users see of process 1: signals, orphans, --init, the console; and who may exec."""

from __future__ import annotations

import json
import time

import pytest

from support.host import TestHost

pytestmark = pytest.mark.usefixtures("clean")


@pytest.mark.parametrize("client", ["docker", "corral"])
@pytest.mark.parametrize("detached", [False, True])
def test_exec_as_a_user_that_is_not_there(host: TestHost, client: str, detached: bool) -> None:
    host.docker("run", "-d", "--name", "box", "busybox", "sleep", "100")
    flags = ["-d"] if detached else []
    run = getattr(host, client)
    for user, error in (
        ("nosuch", "unable to find user nosuch: no matching entries in passwd file"),
        ("root:nosuch", "unable to find group nosuch: no matching entries in group file"),
    ):
        done = run("exec", *flags, "-u", user, "box", "true", check=False)
        assert (done.returncode, done.stderr) == (1, f"Error response from daemon: {error}\n")
    assert run("exec", "-u", "4711:42", "box", "id", "-u").stdout == "4711\n"
    assert run("exec", "-u", "root", "box", "id", "-u").stdout == "0\n"


def test_process_1_ignores_signals_that_it_has_no_handler_for(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "box", "busybox", "sleep", "100")
    host.docker("kill", "-s", "TERM", "box")
    time.sleep(0.1)
    assert _state(host, "box")["Running"] is True
    host.docker("kill", "-s", "KILL", "box")
    assert host.docker("wait", "box").stdout == "137\n"


def test_with_init_the_program_gets_them_and_its_end_is_the_containers(host: TestHost) -> None:
    host.docker("run", "-d", "--init", "--name", "box", "busybox", "sleep", "100")
    assert host.docker("exec", "box", "cat", "/proc/1/comm").stdout == "docker-init\n"
    host.docker("kill", "-s", "TERM", "box")
    assert host.docker("wait", "box").stdout == "143\n"


def test_with_init_orphans_are_reaped(host: TestHost) -> None:
    script = "(sleep 0.05 &); while true; do sleep 0.02; grep -l 'State:.Z' /proc/[0-9]*/status 2>/dev/null; done"
    host.docker("run", "-d", "--init", "--name", "box", "busybox", "sh", "-c", script)
    deadline = time.monotonic() + 20
    while "sleep 0.05" in host.docker("top", "box").stdout and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "defunct" not in host.docker("top", "box").stdout


def test_orphans_of_an_exec_are_left_to_process_1(host: TestHost) -> None:
    """The exec's own end is reported, although a child of its own goes on."""
    host.docker("run", "-d", "--init", "--name", "box", "busybox", "sleep", "100")
    done = host.docker("exec", "box", "sh", "-c", "(sleep 0.3 >/dev/null 2>&1 &); exit 7", check=False)
    assert done.returncode == 7
    deadline = time.monotonic() + 20
    while "sleep 0.3" in host.docker("top", "box").stdout and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "defunct" not in host.docker("top", "box").stdout


def test_a_killed_exec_is_reported(host: TestHost) -> None:
    host.docker("run", "-d", "--init", "--name", "box", "busybox", "sleep", "100")
    done = host.docker("exec", "box", "sh", "-c", "kill -9 $$", check=False)
    assert done.returncode == 137


def test_dev_console_is_there_with_a_terminal_only(host: TestHost) -> None:
    done = host.docker("run", "--rm", "busybox", "ls", "/dev/console", check=False)
    assert done.returncode == 1
    host.docker("run", "-dt", "--name", "box", "busybox", "sh", "-c", "echo on the console > /dev/console; sleep 100")
    deadline = time.monotonic() + 20
    while not (log := host.docker("logs", "box").stdout) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert log.splitlines() == ["on the console"]


def test_sysctls_of_the_host_are_refused(host: TestHost) -> None:
    done = host.corral(
        "run", "--rm", "--network", "host", "--sysctl", "net.ipv4.ip_forward=1", "busybox", "true", check=False
    )
    assert done.returncode == 125
    assert 'sysctl "net.ipv4.ip_forward" not allowed in host network namespace' in done.stderr


def _state(host: TestHost, name: str) -> dict[str, object]:
    state: dict[str, object] = json.loads(host.docker("inspect", "-f", "{{json .State}}", name).stdout)
    return state
