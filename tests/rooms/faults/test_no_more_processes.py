"""The host gives the engine no more processes: fork(2) fails with EAGAIN, as with a TasksMax of systemd's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.errors import CorralError
from corral.runtime.cgroups import Hierarchies
from support import boxes, native
from support.native import Host

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")


@pytest_asyncio.fixture
async def host(tmp_path: Path, mark: str, busybox_copy: Path) -> AsyncIterator[Host]:
    async with native.host(tmp_path, mark, busybox_copy) as host:
        yield host


@contextlib.contextmanager
def no_more(host: Host, mark: str) -> Iterator[None]:
    """The supervisor is in a group that is full."""
    found = Hierarchies.of_host()
    point = next((h.mount_point for h in found.v1 if "pids" in h.controllers), None)
    if point is None:
        pytest.skip("no pids controller of version 1, which would move the process alone")
    pid = host.driver.supervisor_pid
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    before = next(line.split(":")[2] for line in lines if "pids" in line.split(":")[1].split(","))
    group = Path(f"{point}/{mark}-full")
    group.mkdir()
    try:
        (group / "pids.max").write_text("1")
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        Path(f"{point}{before}/cgroup.procs").write_text(str(pid))
        group.rmdir()


async def test_starts_and_execs_fail_and_work_again(host: Host, mark: str) -> None:
    id = await host.run("sleep 1000")
    descriptors = len(os.listdir(f"/proc/{host.driver.supervisor_pid}/fd"))
    with no_more(host, mark):
        for _ in range(3):
            with pytest.raises(CorralError, match="Resource temporarily unavailable"):
                await host.run("true")
            with pytest.raises(CorralError, match="Resource temporarily unavailable"):
                await host.exec(id, "true")
        assert [state.id for state in await host.driver.list()] == [id]
    assert len(os.listdir(f"/proc/{host.driver.supervisor_pid}/fd")) == descriptors
    assert [path.name for path in host.root.containers.iterdir()] == [id]
    other = await host.run("exit 3")
    assert (await host.events.exit(other)).code == 3
    exec_id = await host.exec(id, "exit 4")
    assert (await host.events.exit(exec_id)).code == 4
