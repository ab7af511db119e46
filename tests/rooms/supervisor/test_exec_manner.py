"""Execs that want something unusual, in real cgroups."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace

import pytest

from corral.oci.runtime import ExecCPUAffinity, IOPriority, Scheduler
from corral.runtime.driver import Stdio
from support import boxes
from support.native import Client, Host

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")


async def test_an_exec_with_an_affinity_is_in_all_cgroups_of_its_container(host: Host) -> None:
    """It is not born there: what it was to do before would be done too late."""
    id = await host.run("sleep 1000")
    last = str(max(os.sched_getaffinity(0)))
    process = replace(
        boxes.shell("cat /proc/self/cgroup; echo; cat /proc/1/cgroup; echo; grep Cpus_allowed_list /proc/self/status"),
        exec_cpu_affinity=ExecCPUAffinity(initial="0", final=last),
    )
    client, exec_id = Client(stdout=True), secrets.token_hex(32)
    await host.driver.exec(id, exec_id, process, Stdio(), (client.attachment,))
    own, first, allowed = (await client.streams())[1].decode().split("\n\n")
    assert own == first
    assert allowed.split() == ["Cpus_allowed_list:", last]
    assert (await host.events.exit(exec_id)).code == 0


async def test_an_exec_with_a_scheduler_and_an_io_priority(host: Host) -> None:
    id = await host.run("sleep 1000")
    process = replace(
        boxes.shell("cut -d' ' -f19,41 /proc/self/stat"),
        scheduler=Scheduler("SCHED_BATCH", nice=5),
        io_priority=IOPriority("IOPRIO_CLASS_IDLE", 0),
    )
    client, exec_id = Client(stdout=True), secrets.token_hex(32)
    await host.driver.exec(id, exec_id, process, Stdio(), (client.attachment,))
    assert (await client.streams())[1] == b"5 3\n"
