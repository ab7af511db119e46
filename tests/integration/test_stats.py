"""stats through the docker client, docker-py, our own client and the bare API."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.host import TestHost
from support.poll import until

pytestmark = pytest.mark.usefixtures("clean")

RESTING = "0001-01-01T00:00:00Z"
HEADER = "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O   BLOCK I/O   PIDS"
BUSY = ("sh", "-c", "while :; do :; done")


class Stream:
    """A raw stream of samples."""

    def __init__(self, host: TestHost, target: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(host.socket))
        self.socket.sendall(f"GET {target} HTTP/1.0\r\nHost: test\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        while self.file.readline().strip():
            pass

    def next(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.readline())
        return found

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def get(host: TestHost, target: str) -> Any:
    with closing(Stream(host, target)) as stream:
        return stream.next()


def test_the_docker_client_shows_how_busy_a_container_is(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "busy", "-m", "64m", "--pids-limit", "9", "busybox", *BUSY)
    shown = json.loads(host.docker("stats", "--no-stream", "--format", "json", "busy").stdout)
    assert shown["Name"] == "busy"
    assert 5 < float(shown["CPUPerc"].rstrip("%")) < 130
    assert shown["MemUsage"].endswith(" / 64MiB")
    assert not shown["MemUsage"].startswith("0B")
    assert shown["PIDs"] == "1"


def test_docker_py_reads_one_and_many(host: TestHost) -> None:
    with closing(host.sdk()) as client:
        container = client.containers.run("busybox", ["sleep", "100"], detach=True, name="web", mem_limit="32m")
        one = container.stats(stream=False)
        assert one["id"] == container.id
        assert one["name"] == "/web"
        assert one["memory_stats"]["limit"] == 32 << 20
        assert 0.9 < one["cpu_stats"]["system_cpu_usage"] / one["precpu_stats"]["system_cpu_usage"] < 1.1
        samples = container.stats(decode=True, stream=True)
        first, second = next(samples), next(samples)
        assert first["preread"] == RESTING
        assert second["preread"] == first["read"]
        samples.close()


def test_network_counters_are_those_inside_under_the_names_inside(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "web", "busybox", "sh", "-c", "sleep 100 | nc -l -p 80 >/dev/null")
    host.docker("run", "-d", "--name", "guest", "--network", "container:web", "busybox", "sleep", "100")
    host.docker("run", "-d", "--name", "bare", "--network", "none", "busybox", "sleep", "100")
    before = get(host, "/containers/web/stats?stream=false&one-shot=true")["networks"]
    assert list(before) == ["eth0"]
    address = host.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web").stdout.strip()
    host.docker("run", "--rm", "busybox", "sh", "-c", f"head -c 100000 /dev/zero | nc -w 5 {address} 80")
    after = get(host, "/containers/guest/stats?stream=false&one-shot=true")["networks"]
    assert after["eth0"]["rx_bytes"] - before["eth0"]["rx_bytes"] > 100_000
    assert after["eth0"]["tx_packets"] > before["eth0"]["tx_packets"]
    assert "networks" not in get(host, "/containers/bare/stats?stream=false&one-shot=true")


def test_a_stream_goes_on_through_stop_and_start_until_the_removal(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "web", "busybox", "sleep", "1000")
    with closing(Stream(host, "/containers/web/stats")) as stream:
        assert stream.next()["read"] != RESTING
        host.docker("kill", "web")
        until(lambda: stream.next()["read"] == RESTING)
        host.docker("start", "web")
        until(lambda: stream.next()["read"] != RESTING)
        host.docker("rm", "-f", "web")
        assert len(stream.file.read().splitlines()) < 4


def test_a_paused_container_is_still_measured(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "web", "busybox", *BUSY)
    host.docker("pause", "web")
    found = get(host, "/containers/web/stats?stream=false")
    assert found["pids_stats"]["current"] == 1
    assert found["cpu_stats"]["cpu_usage"] == found["precpu_stats"]["cpu_usage"]


def test_refusals_are_dockers(host: TestHost) -> None:
    assert get(host, "/containers/nosuch/stats") == {"message": "No such container: nosuch"}
    conflict = {"message": "cannot have stream=true and one-shot=true"}
    assert get(host, "/containers/nosuch/stats?one-shot=1") == conflict


def test_many_slow_clients_cost_one_reader_and_no_memory(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "web", "busybox", "sleep", "1000")
    streams = [Stream(host, "/containers/web/stats") for _ in range(40)]
    try:
        times = [[stream.next()["read"] for _ in range(2)] for stream in streams]
        assert len({time for pair in times for time in pair}) <= 6, "each client has its own samples"
        time.sleep(1.2)
        assert host.docker("ps", "-q").stdout.count("\n") == 1
    finally:
        for stream in streams:
            stream.close()


def test_nothing_is_sampled_when_nobody_listens(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "web", "busybox", "sleep", "1000")
    Stream(host, "/containers/web/stats").close()
    assert host.daemon is not None
    io = Path(f"/proc/{host.daemon.pid}/io")

    def reads() -> int:
        return int(io.read_text().split("syscr: ")[1].split()[0])

    time.sleep(0.2)
    before = reads()
    time.sleep(1.5)
    assert reads() - before < 20


def test_memory_events_and_pressure_are_told_beyond_dockers(host: TestHost) -> None:
    script = "(tail /dev/zero) ; exec sleep 1000"
    host.docker("run", "-d", "--name", "hog", "-m", "16m", "busybox", "sh", "-c", script)
    target = "/containers/hog/stats?stream=false&one-shot=1"
    until(lambda: get(host, target)["memory_stats"]["events"]["oom_kill"] == 1)
    found = get(host, target)
    assert found["memory_stats"]["events"]["max"] > 0
    if os.path.exists("/proc/pressure/cpu"):
        assert set(found["pressure_stats"]) == {"cpu", "memory", "io"}
        assert found["pressure_stats"]["memory"]["some"]["total"] >= 0
    shown = host.corral("stats", "--no-stream", "--format", '{{.OOMKills}} {{.MemEvent "max"}}', "hog").stdout
    assert re.fullmatch(r"1 \d+\n", shown)


def test_our_client_prints_dockers_table(host: TestHost) -> None:
    assert host.corral("stats", "--no-stream").stdout == HEADER + "\n"
    host.docker("create", "--name", "rest", "busybox")
    commands = (("stats", "--no-stream"), ("stats", "--no-stream", "-a"), ("stats", "--no-stream", "rest"))
    for command in (*commands, ("stats", "--no-stream", "--no-trunc", "-a"), ("stats", "--no-stream", "nosuch")):
        ours, dockers = (client(*command, check=False) for client in (host.corral, host.docker))
        assert (ours.returncode, ours.stdout, ours.stderr) == (dockers.returncode, dockers.stdout, dockers.stderr)


def test_our_client_redraws_on_a_terminal_and_follows_containers(host: TestHost) -> None:
    outer, inner = pty.openpty()
    program = str(Path(sys.executable).parent / "corral")
    client = subprocess.Popen([program, "-H", host.url, "stats"], stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    seen = b""

    def screen() -> str:
        nonlocal seen
        while select.select([outer], [], [], 0)[0]:
            seen += os.read(outer, 65536)
        pictures = re.split(rb"\033\[H", seen)
        return next((p for p in reversed(pictures) if p.endswith(b"\033[J")), b"").decode()

    try:
        until(lambda: HEADER in screen())
        assert "web" not in screen()
        host.docker("run", "-d", "--name", "web", "busybox", "sleep", "1000")
        until(lambda: " web " in screen())
        host.docker("kill", "web")
        until(lambda: " web " not in screen())
    finally:
        client.terminate()
        client.wait(10)
        os.close(outer)
