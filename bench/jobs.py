"""The jobs. Each takes an engine and gives one figure: seconds, or bytes where its unit says so."""

from __future__ import annotations

import concurrent.futures
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import transfers
from bench.engines import Engine


@dataclass(frozen=True)
class Job:
    """``target`` is the ratio to Docker that corral must not exceed; ``limit`` an absolute figure instead."""

    name: str
    measure: Callable[[Engine, int], float]
    target: float | None = None
    limit: float | None = None
    unit: str = "s"
    only_corral: bool = False


def _median(action: Callable[[], object], runs: int, prepare: Callable[[], object] = lambda: None) -> float:
    samples = []
    for _ in range(runs):
        prepare()
        begin = time.perf_counter()
        action()
        samples.append(time.perf_counter() - begin)
    return statistics.median(samples)


def run_none(engine: Engine, runs: int) -> float:
    return _median(lambda: engine.docker("run", "--rm", "--network", "none", "busybox", "true"), runs)


def run_bridge(engine: Engine, runs: int) -> float:
    return _median(lambda: engine.docker("run", "--rm", "busybox", "true"), runs)


def exec_true(engine: Engine, runs: int) -> float:
    engine.docker("run", "-d", "--name", "bench-exec", "busybox", "sleep", "1000")
    try:
        return _median(lambda: engine.docker("exec", "bench-exec", "true"), runs)
    finally:
        engine.docker("rm", "-f", "bench-exec")


def stop(engine: Engine, runs: int) -> float:
    engine.docker("create", "--name", "bench-stop", "busybox", "sleep", "1000")
    try:
        return _median(
            lambda: engine.docker("stop", "-t", "0", "bench-stop"), runs, lambda: engine.docker("start", "bench-stop")
        )
    finally:
        engine.docker("rm", "-f", "bench-stop")


def _names(count: int) -> list[str]:
    return [f"bench-{number}" for number in range(count)]


def _start(engine: Engine, names: list[str], at_a_time: int = 8) -> None:
    with concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(lambda name: engine.docker("run", "-d", "--name", name, "busybox", "sleep", "1000"), names))


def start_32(engine: Engine, runs: int) -> float:
    names = _names(32)
    samples = []
    for _ in range(max(1, runs // 7)):
        begin = time.perf_counter()
        _start(engine, names)
        samples.append(time.perf_counter() - begin)
        engine.docker("rm", "-f", *names)
    return statistics.median(samples)


def remove_32(engine: Engine, runs: int) -> float:
    names = _names(32)
    return _median(lambda: engine.docker("rm", "-f", *names), max(1, runs // 7), lambda: _start(engine, names))


def log_50mb(engine: Engine, runs: int) -> float:
    line = "x" * 99

    def write() -> None:
        engine.docker("run", "-d", "--name", "bench-log", "--log-driver", "json-file", "busybox",
                      "sh", "-c", f"yes {line} | head -n 500000")  # fmt: skip
        engine.docker("wait", "bench-log")

    def remove() -> None:
        subprocess.run(["docker", "-H", engine.url, "rm", "-f", "bench-log"], capture_output=True, check=False)

    try:
        return _median(write, max(1, runs // 7), remove)
    finally:
        remove()


def idle_memory(engine: Engine, runs: int) -> float:
    del runs
    count = 20
    names = _names(count)
    engine.docker("run", "--rm", "busybox", "true")
    before = engine.memory()
    _start(engine, names)
    time.sleep(1)
    after = engine.memory()
    engine.docker("rm", "-f", *names)
    return (after - before) / count


def _own_client(engine: Engine, arguments: list[str], runs: int) -> float:
    """How much slower our client is than docker as client, both on this socket."""
    corral = str(Path(sys.executable).parent / "corral")

    def call(program: str) -> None:
        subprocess.run(
            [program, "-H", engine.url, *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL
        )

    return _median(lambda: call(corral), runs) - _median(lambda: call("docker"), runs)


def own_ps(engine: Engine, runs: int) -> float:
    return _own_client(engine, ["ps"], runs)


def own_run(engine: Engine, runs: int) -> float:
    return _own_client(engine, ["run", "--rm", "--network", "none", "busybox", "true"], runs)


def start_up(engine: Engine, runs: int) -> float:
    """From exec of the daemon to its first answer, with 200 stopped containers."""
    host = engine.host
    assert host is not None
    names = _names(200)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: engine.docker("create", "--name", name, "busybox", "true"), names))
    try:
        return _median(host.start, max(3, runs // 4), host.stop)
    finally:
        engine.docker("rm", "-f", *names)


JOBS = (
    Job("run --rm --network none busybox true", run_none, 0.25),
    Job("run --rm busybox true (bridge)", run_bridge, 0.20),
    Job("exec true in a running container", exec_true, 0.45),
    Job("stop -t 0", stop, 0.25),
    Job("32 containers started, 8 at a time", start_32, 0.20),
    Job("rm -f of 32 running", remove_32, 0.20),
    Job("50 MB in 100-byte lines, json-file", log_50mb, 0.35),
    Job("pull of an 8-layer Debian (130 MB, unpacked 350 MB)", transfers.pull, 0.40),
    Job("pull again when all is there (API)", transfers.pull_again, 0.50),
    Job("push of a 300 MB new layer", transfers.push, 0.40),
    Job("engine memory (PSS) per idle container", idle_memory, limit=0.3e6, unit="B"),
    Job("corral ps over docker ps, both on corral", own_ps, limit=0.025, only_corral=True),
    Job("corral run over docker run, both on corral", own_run, limit=0.025, only_corral=True),
    Job("daemon start with 200 stopped containers", start_up, limit=1.0, only_corral=True),
)
