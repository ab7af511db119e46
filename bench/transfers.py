"""Pulls and pushes: each engine beside a docker-registry of its own on one storage, so that all move the same bytes."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import statistics
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

from bench import layered
from bench.engines import PEERS, Engine

_ADDRESS = "127.0.0.1:5000"
_IMAGE = "bench/debian"
_MEGABYTES = 300
_QUIET_SECONDS = 3
"""After a removal, for what goes on in the background."""


@contextlib.contextmanager
def _registry(engine: Engine) -> Iterator[str]:
    """The registry where the engine is; it has the image of `layered`."""
    directory = PEERS / "bench-debian"
    layered.make(directory, PEERS / "debian.tar")
    namespace = f"--net=/run/netns/{engine.host.name if engine.host else 'peers'}"
    with contextlib.ExitStack() as stack:
        if engine.host is not None:
            serve = ["nsenter", namespace, "docker-registry", "serve", str(PEERS / "registry.yml")]
            process = stack.enter_context(subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            stack.callback(process.kill)
            time.sleep(1)
        module = [sys.executable, "-m", "bench.layered", str(directory), _ADDRESS, _IMAGE]
        subprocess.run(["nsenter", namespace, *module], check=True, cwd=Path(__file__).parents[1])
        yield _ADDRESS


def _median(measure: Callable[[], float], runs: int) -> float:
    return statistics.median(measure() for _ in range(runs))


def _timed(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def pull(engine: Engine, runs: int) -> float:
    with _registry(engine) as address:
        name = f"{address}/{_IMAGE}"

        def once() -> float:
            with contextlib.suppress(RuntimeError):
                engine.docker("rmi", name)
            time.sleep(_QUIET_SECONDS)
            return _timed(lambda: engine.docker("pull", "-q", name))

        try:
            return _median(once, max(3, runs // 7))
        finally:
            engine.docker("rmi", name)


def pull_again(engine: Engine, runs: int) -> float:
    """By the API: the docker command line's own start takes longer."""
    with _registry(engine) as address:
        engine.docker("pull", "-q", f"{address}/{_IMAGE}")
        target = "/v1.51/images/create?" + urlencode({"fromImage": f"{address}/{_IMAGE}", "tag": "latest"})
        try:
            return _median(lambda: _timed(lambda: _post(engine, target)), runs)
        finally:
            engine.docker("rmi", f"{address}/{_IMAGE}")


def _post(engine: Engine, target: str) -> bytes:
    connection = http.client.HTTPConnection("engine")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(engine.url.removeprefix("unix://"))
    with contextlib.closing(connection):
        connection.request("POST", target)
        return connection.getresponse().read()


def push(engine: Engine, runs: int) -> float:
    with _registry(engine) as address:

        def once() -> float:
            name = f"{address}/bench/push:{uuid.uuid4().hex}"
            done = subprocess.run(
                ["docker", "-H", engine.url, "import", "-", name], input=_archive(), capture_output=True, check=False
            )
            if done.returncode:
                raise RuntimeError(done.stderr.decode())
            try:
                return _timed(lambda: engine.docker("push", "-q", name))
            finally:
                engine.docker("rmi", name)

        return _median(once, max(3, runs // 7))


def _archive() -> bytes:
    """A root of one new file: what a Debian system consists of, one and two thirds times."""
    system = (PEERS / "debian.tar").read_bytes()
    content = (uuid.uuid4().bytes + system + system)[: _MEGABYTES * 1_000_000]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("data")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
