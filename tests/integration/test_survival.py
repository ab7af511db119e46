"""kill -9 of the engine's own processes: no container dies, no line is lost, every exit code stays known."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from support.host import TestHost

CONTAINERS = 20
LINES = 1000

# Five numbered lines every few milliseconds, for about two seconds; then an exit code of its own.
WRITER = f"i=0; while [ $i -lt {LINES} ]; do echo $i; i=$((i+1)); [ $((i % 5)) = 0 ] && usleep 8000; done; exit "

DAEMON, SUPERVISOR, KEEPER = "corrald", "corral-superv", "corral-keeper"


def _pids(host: TestHost, role: str) -> list[int]:
    if role == DAEMON:
        assert host.daemon is not None
        return [host.daemon.pid]
    return [pid for pid in host.processes() if role in Path(f"/proc/{pid}/comm").read_text()]


def _kill(host: TestHost, victims: tuple[str, ...]) -> None:
    """In one go: all victims are known before the first one is killed."""
    pids = [pid for role in victims for pid in _pids(host, role)]
    assert len(pids) == len(victims), f"{victims}: found {pids}"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    if DAEMON in victims:
        assert host.daemon is not None
        host.daemon.wait(10)
        host.daemon = None


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "rounds",
    [
        ((DAEMON,),),
        ((SUPERVISOR,),),
        ((KEEPER,),),
        ((DAEMON, SUPERVISOR),),
        ((SUPERVISOR, DAEMON),),
        ((KEEPER, SUPERVISOR),),
        ((DAEMON,), (SUPERVISOR,), (KEEPER,), (SUPERVISOR,), (DAEMON,)),
    ],
    ids=lambda rounds: "-then-".join("+".join(victims) for victims in rounds),
)
def test_nothing_is_lost(fresh_host: TestHost, rounds: tuple[tuple[str, ...], ...]) -> None:
    names = [f"writer-{number}" for number in range(CONTAINERS)]
    for number, name in enumerate(names):
        fresh_host.docker("create", "--name", name, "busybox", "sh", "-c", WRITER + str(number))
    fresh_host.docker("start", *names)
    for victims in rounds:
        time.sleep(0.3)
        _kill(fresh_host, victims)
        if fresh_host.daemon is None:
            time.sleep(0.2)
            fresh_host.start()
    codes = fresh_host.docker("wait", *names).stdout.split()
    assert codes == [str(number) for number in range(CONTAINERS)]
    for name in names:
        lines = fresh_host.docker("logs", name).stdout.split()
        assert lines == [str(number) for number in range(LINES)], f"{name}: {len(lines)} lines"


def test_a_terminal_survives_the_supervisor(fresh_host: TestHost) -> None:
    fresh_host.docker("run", "-dit", "--name", "tty", "busybox", "sh", "-c", "read line; echo got $line; exit 9")
    _kill(fresh_host, (SUPERVISOR,))
    with contextlib.closing(fresh_host.sdk()) as client:
        stream = client.api.attach_socket("tty", params={"stdin": 1, "stdout": 1, "stream": 1})
        stream._sock.sendall(b"after\n")
        assert client.api.wait("tty")["StatusCode"] == 9
    assert "got after" in fresh_host.docker("logs", "tty").stdout


def test_exits_while_everything_is_down_are_reported(fresh_host: TestHost) -> None:
    """Keeper and daemon die together; the container ends before a new daemon comes."""
    fresh_host.docker("run", "-d", "--name", "short", "busybox", "sh", "-c", "sleep 1; echo last words; exit 5")
    _kill(fresh_host, (DAEMON, KEEPER))
    time.sleep(1.5)
    fresh_host.start()
    assert fresh_host.docker("wait", "short").stdout == "5\n"
    assert fresh_host.docker("logs", "short").stdout == "last words\n"


def test_a_restarted_daemon_knows_everything(fresh_host: TestHost) -> None:
    fresh_host.docker("run", "-d", "--name", "up", "-p", "127.0.0.1:8080:80", "busybox", "sleep", "1000")
    fresh_host.docker("create", "--name", "never", "busybox", "true")
    fresh_host.docker("run", "--name", "done", "busybox", "sh", "-c", "exit 3", check=False)
    fresh_host.docker("run", "-d", "--name", "held", "busybox", "sleep", "1000")
    fresh_host.docker("pause", "held")
    template = "{{.Name}} {{.State.Status}} {{.State.ExitCode}} {{.State.StartedAt}} {{json .NetworkSettings.Ports}}"
    before = fresh_host.docker("inspect", "-f", template, "up", "never", "done", "held").stdout
    for sig in (signal.SIGKILL, signal.SIGTERM):
        fresh_host.restart(sig)
        assert fresh_host.docker("inspect", "-f", template, "up", "never", "done", "held").stdout == before
    assert fresh_host.docker("exec", "up", "echo", "works").stdout == "works\n"
    fresh_host.docker("unpause", "held")
    fresh_host.docker("rm", "-f", "up", "never", "done", "held")
    assert fresh_host.docker("ps", "-aq").stdout == ""
