"""Containers come and go by the hundreds, and nothing of them stays: descriptors, memory, mounts, control groups,
namespaces, processes, files."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.linux import mount
from corral.runtime.cgroups import Hierarchies
from support import boxes, native
from support.native import Client, Host

pytestmark = [pytest.mark.requires(*boxes.NEEDS, "cgroup"), pytest.mark.timeout(3600)]

CYCLES = int(os.environ.get("CORRAL_TEST_CYCLES", "200"))
AT_ONCE = 4
GROWTH = 2 << 20
"""Bytes that a process may grow by, whatever the number of cycles: arenas and tables that are not full yet."""


@pytest_asyncio.fixture
async def host(tmp_path: Path, mark: str, busybox_copy: Path) -> AsyncIterator[Host]:
    async with native.host(tmp_path, mark, busybox_copy) as host:
        yield host


async def life(host: Host, number: int) -> None:
    """A container with a network namespace, output, a log and an exec; every fourth is killed, every fourth has a
    terminal."""
    sandbox = host.directory / f"netns-{number}"
    for fd in await host.driver.sandbox(sandbox):
        os.close(fd)
    client = Client(terminal=number % 4 == 1)
    id = await host.run(
        "echo out; exec sleep 1000",
        client,
        log=True,
        terminal=number % 4 == 1,
        linux={"readonly_paths": ("/proc/sys",)},
    )
    exec_id = await host.exec(id, "echo exec")
    assert (await host.events.exit(exec_id)).code == 0
    if number % 4 != 3:
        await host.driver.kill(id, 9)
        assert (await host.events.exit(id)).code == 137
    await host.driver.delete(id)
    client.socket.close()
    host.log(id).unlink()
    for key in (id, exec_id):
        host.events.exits.pop(key, None)
    await asyncio.to_thread(_remove_sandbox, sandbox)


def _remove_sandbox(path: Path) -> None:
    mount.umount2(str(path), mount.MNT_DETACH)
    path.unlink()


async def lives(host: Host, cycles: int) -> None:
    numbers = iter(range(cycles))

    async def worker() -> None:
        for number in numbers:
            await life(host, number)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def measured(host: Host) -> dict[str, int]:
    pids = {"supervisor": host.driver.supervisor_pid, "keeper": host.driver.keeper_pid, "driver": os.getpid()}
    groups = Hierarchies.of_host()
    points = [h.mount_point for h in (*groups.v1, *([groups.v2] if groups.v2 else []))]
    found = {f"descriptors of the {name}": len(os.listdir(f"/proc/{pid}/fd")) for name, pid in pids.items()}
    found |= {f"bytes of the {name}": resident(pid) for name, pid in pids.items()}
    found["mounts"] = Path("/proc/self/mountinfo").read_text().count(str(host.directory))
    found["control groups"] = sum(len(list(Path(point + host.parent).glob("*/"))) for point in points)
    found["bundles"] = len(list(host.root.containers.iterdir()))
    found["files"] = len(list(host.directory.iterdir()))
    found["children"] = sum(len(children(pid)) for pid in pids.values())
    return found


def resident(pid: int) -> int:
    """Private bytes: what it shares with its parent is nobody's growth."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) << 10
    return 0


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def kernel() -> dict[str, int]:
    """Of the whole machine, on which others are at work: to be looked at, not to be asserted."""
    found = {}
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(("SUnreclaim", "Percpu", "KernelStack")):
            found[line.split(":")[0]] = int(line.split()[1]) << 10
    for line in Path("/proc/cgroups").read_text().splitlines()[1:]:
        found[f"control groups of {line.split()[0]}"] = int(line.split()[2])
    if Path("/proc/slabinfo").exists():
        for line in Path("/proc/slabinfo").read_text().splitlines():
            if line.startswith(("mnt_cache", "net_namespace", "pid_namespace", "proc_inode_cache", "task_struct")):
                found[f"slab {line.split()[0]}"] = int(line.split()[1])
    return found


async def test_containers_come_and_go_and_nothing_stays(host: Host) -> None:
    await lives(host, 40)  # caches are filled, arenas grown
    gc.collect()
    await asyncio.sleep(0.3)
    before, kernel_before, began = measured(host), kernel(), time.monotonic()
    await lives(host, CYCLES)
    seconds = time.monotonic() - began
    deadline = time.monotonic() + 10
    while True:
        gc.collect()
        after = measured(host)
        different = {
            key: (before[key], after[key])
            for key in before
            if (after[key] - before[key] > GROWTH if key.startswith("bytes") else after[key] != before[key])
        }
        if not different or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    if "CORRAL_TEST_CYCLES" in os.environ:
        print(f"\n{CYCLES} cycles in {seconds:.1f} s")
        for key, value in after.items():
            print(f"  {key}: {before[key]} -> {value}")
        for key, value in kernel().items():
            print(f"  {key}: {kernel_before[key]} -> {value}")
    assert not different
