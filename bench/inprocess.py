"""What a container costs below the engine: through the execution driver, without client, HTTP, store or network.

The container is one like the engine's: an overlay root, the usual mounts, masks, limits and system call filter, network
namespace with nothing in it. It runs ``true``.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from corral.errors import CorralError
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Memory, Pids, Resources
from corral.runtime.driver import CreateRequest, RuntimeBinary, Stdio
from corral.runtime.security.seccomp.cache import FilterCache
from support import boxes, native

CLIENTS = 16
TRUE = boxes.process("true")
LIMITS = Resources(memory=Memory(limit=64 << 20), pids=Pids(100))


@dataclass(frozen=True)
class Figure:
    """``value`` in seconds, or in containers a second when ``rate``; ``limit``: what it must not be above, or below."""

    name: str
    value: float
    limit: float | None = None
    rate: bool = False

    def __str__(self) -> str:
        value = f"{self.value:.0f}/s" if self.rate else f"{self.value * 1000:.1f} ms"
        if self.limit is None:
            return f"in-process, {self.name}: {value}"
        limit = f"{self.limit:.0f}/s" if self.rate else f"{self.limit * 1000:.0f} ms"
        met = self.value >= self.limit if self.rate else self.value <= self.limit
        return f"in-process, {self.name}: {value} (target {limit}{'' if met else ', missed'})"


class Bench:
    def __init__(self, host: native.Host, runtime: RuntimeBinary | None) -> None:
        self._host = host
        self._runtime = runtime
        cache = FilterCache(host.directory / "seccomp")
        self._filter = cache.annotations(None, boxes.USABLE)
        self._description = cache.description(None, boxes.USABLE)

    def request(self) -> CreateRequest:
        request = self._host.request(TRUE, resources=LIMITS)
        base = self._host.directory / "layers" / request.id
        for name in ("upper", "work"):
            (base / name).mkdir(parents=True)
        options = (f"lowerdir={self._host.rootfs}", f"upperdir={base}/upper", f"workdir={base}/work")
        spec = dataclasses.replace(request.spec, annotations=self._filter)
        if self._runtime is not None:
            linux = dataclasses.replace(spec.linux, seccomp=self._description)
            spec = dataclasses.replace(spec, linux=linux, annotations={})
        return dataclasses.replace(
            request, spec=spec, rootfs=(RootfsMount("overlay", "overlay", options),), runtime=self._runtime
        )

    async def container(self, request: CreateRequest) -> None:
        """All of its life."""
        await self._host.driver.run(request)
        await self._host.events.exit(request.id)
        await self._host.driver.delete(request.id)

    async def median(self, runs: int) -> float:
        samples = []
        for _ in range(runs):
            request = self.request()
            begin = time.perf_counter()
            await self.container(request)
            samples.append(time.perf_counter() - begin)
        return statistics.median(samples)

    async def exec(self, runs: int) -> float:
        request = dataclasses.replace(self.request(), stdio=Stdio())
        request = dataclasses.replace(
            request, spec=dataclasses.replace(request.spec, process=boxes.process("sleep", "1000"))
        )
        await self._host.driver.run(request)
        samples = []
        for number in range(runs):
            exec_id = f"{number:064x}"
            begin = time.perf_counter()
            await self._host.driver.exec(request.id, exec_id, TRUE, Stdio())
            await self._host.events.exit(exec_id)
            samples.append(time.perf_counter() - begin)
        await self._host.driver.delete(request.id)
        return statistics.median(samples)

    async def rate(self, each: int) -> float:
        """Containers a second, from nothing to nothing, of CLIENTS that have ``each`` of them one after the other."""
        waiting = [[self.request() for _ in range(each)] for _ in range(CLIENTS)]

        async def client(requests: list[CreateRequest]) -> None:
            for request in requests:
                await self.container(request)

        begin = time.perf_counter()
        await asyncio.gather(*map(client, waiting))
        return CLIENTS * each / (time.perf_counter() - begin)


def figures(runs: int) -> list[Figure]:
    """Ours with its targets; other runtimes that are installed and run here for comparison."""
    found = asyncio.run(_with_bench(None, lambda bench: _own(bench, runs)))
    for name in ("runc", "crun"):
        if shutil.which(name):
            try:
                found += asyncio.run(
                    _with_bench(RuntimeBinary(name), lambda bench, name=name: _other(bench, name, runs))
                )
            except CorralError:  # it refuses the machine
                continue
    return found


async def _own(bench: Bench, runs: int) -> list[Figure]:
    await bench.median(3)
    return [
        Figure("create, start, wait, delete", await bench.median(runs), 0.012),
        Figure("exec", await bench.exec(runs), 0.006),
        Figure(f"containers by {CLIENTS} clients", await bench.rate(max(2, runs // 3)), 60, rate=True),
    ]


async def _other(bench: Bench, name: str, runs: int) -> list[Figure]:
    await bench.median(2)
    return [
        Figure(f"the same made by {name}", await bench.median(runs)),
        Figure(f"exec made by {name}", await bench.exec(runs)),
        Figure(f"containers by {CLIENTS} clients, made by {name}", await bench.rate(2), rate=True),
    ]


async def _with_bench(
    runtime: RuntimeBinary | None, measure: Callable[[Bench], Awaitable[list[Figure]]]
) -> list[Figure]:
    directory = Path(tempfile.mkdtemp(prefix=f"ctb{os.getpid()}-"))
    try:
        busybox = Path(shutil.copy(shutil.which("busybox") or "busybox", directory / "busybox"))
        async with native.host(directory, f"ctb{os.getpid()}", busybox) as host:
            return await measure(Bench(host, runtime))
    finally:
        shutil.rmtree(directory)


def show(runs: int) -> None:
    for figure in figures(runs):
        print(figure, flush=True)


if __name__ == "__main__":
    show(20)
