"""Containers that attack what surrounds them: processes, their own first process, output, the engine's processes."""

from __future__ import annotations

import socket
import time

from support.host import TestHost


def test_a_fork_bomb_ends_at_the_pids_limit(host: TestHost) -> None:
    bomb = "b() { b | b & }; b; sleep 2; echo survived"
    host.docker("run", "-d", "--name", "bomb", "--pids-limit", "30", "busybox", "sh", "-c", bomb)
    try:
        for _ in range(5):
            begin = time.monotonic()
            assert host.docker("run", "--rm", "busybox", "echo", "fine").stdout == "fine\n"
            assert time.monotonic() - begin < 20
        assert len(host.docker("top", "bomb").stdout.splitlines()) <= 31
    finally:
        host.docker("rm", "-f", "bomb")
    assert host.docker("ps", "-aq", "--filter", "name=bomb").stdout == ""


def test_pid_1_cannot_be_killed_from_inside(host: TestHost) -> None:
    script = "kill -9 1; kill -STOP 1; kill -TERM 1; kill -9 -1; echo still here"
    assert host.docker("run", "--rm", "busybox", "sh", "-c", script).stdout == "still here\n"


def test_pid_1_is_flooded_with_signals_and_orphans(host: TestHost) -> None:
    flood = "trap '' USR1; i=0; while [ $i -lt 300 ]; do kill -USR1 1; (sleep 0.01 &); i=$((i+1)); done; echo done"
    assert host.docker("run", "--rm", "--init", "busybox", "sh", "-c", flood).stdout == "done\n"


def test_a_client_that_does_not_read_harms_nobody(host: TestHost) -> None:
    """The output of one container waits for its attached client; everything else goes on, in bounded memory."""
    host.docker(
        "create", "--name", "loud", "busybox", "sh", "-c", "yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    )
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(host.socket))
            client.sendall(
                b"POST /containers/loud/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\n"
                b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
            )
            assert b"101" in client.recv(100)
            host.docker("start", "loud")
            before = _memory(host)
            time.sleep(1)
            assert host.docker("run", "--rm", "busybox", "echo", "fine").stdout == "fine\n"
            assert _memory(host) - before < 32 << 20
        host.docker("inspect", "loud")
    finally:
        host.docker("rm", "-f", "loud")


def test_output_at_full_speed_does_not_starve_others(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "fast", "--log-opt", "max-size=1m", "--log-opt", "max-file=2", "busybox", "yes")
    try:
        times = []
        for _ in range(5):
            begin = time.monotonic()
            assert host.docker("run", "--rm", "busybox", "echo", "fine").stdout == "fine\n"
            times.append(time.monotonic() - begin)
        assert min(times) < 5
    finally:
        host.docker("rm", "-f", "fast")


def test_names_and_labels_that_look_like_paths_and_markup_are_only_text(host: TestHost) -> None:
    label = 'x=../../../etc/passwd <b>"quoted"</b> \\ $(id) ☃'
    host.docker("create", "--name", "label", "--label", label, "busybox", "true")
    try:
        shown = host.docker("inspect", "-f", '{{index .Config.Labels "x"}}', "label").stdout
        assert shown == label.partition("=")[2] + "\n"
    finally:
        host.docker("rm", "label")


def _memory(host: TestHost) -> int:
    """Bytes that the engine's processes have resident."""
    total = 0
    for pid in host.processes():
        with open(f"/proc/{pid}/statm") as file:
            total += int(file.read().split()[1]) * 4096
    return total
