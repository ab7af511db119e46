"""update: what changes, what is refused, what the kernel is told."""

from __future__ import annotations

import pytest

from corral.api.types.container import UpdateRequest
from corral.api.types.host_config import RestartPolicy, ThrottleDevice
from corral.errors import Conflict, CorralError, Invalid
from corral.oci import runtime as oci
from corral.oci.runtime import Cpu, Memory, Pids
from unit.engine.fakes import World

MB = 1 << 20


async def test_a_running_containers_limits_change_in_the_kernel_and_in_the_record(world: World) -> None:
    await world.run("web", memory=64 * MB, cpu_shares=512)
    await world.service.update("web", UpdateRequest(memory=32 * MB, pids_limit=7))
    (resources,) = world.driver.updates
    assert resources.memory == Memory(limit=32 * MB, swap=128 * MB)
    assert (resources.pids, resources.cpu) == (Pids(7), None)
    given = (await world.service.inspect("web", False)).host_config
    assert (given.memory, given.cpu_shares, given.pids_limit) == (32 * MB, 512, 7)
    assert world.actions()[-1] == "update"


async def test_a_stopped_containers_limits_wait_for_its_start(world: World) -> None:
    await world.create("web")
    await world.service.update("web", UpdateRequest(nano_cpus=500_000_000))
    assert world.driver.updates == []
    await world.service.start("web")
    resources = next(iter(world.driver.requests.values())).spec.linux.resources
    assert resources is not None and resources.cpu == Cpu(quota=50_000, period=100_000)


async def test_the_restart_policy_changes_without_the_kernel(world: World) -> None:
    await world.run("web")
    await world.service.update("web", UpdateRequest(restart_policy=RestartPolicy("always")))
    assert world.driver.updates == []
    assert world.engine.store.find("web").host_config.restart_policy.name == "always"


@pytest.mark.parametrize(
    ("fields", "request_fields", "message", "kind"),
    [
        ({}, {"memory": MB}, "Minimum memory limit allowed is 6MB", Invalid),
        (
            {},
            {"memory": 20 * MB},
            "Cannot update container {id}: Memory limit should be smaller than already set memoryswap limit, "
            "update the memoryswap at the same time",
            Conflict,
        ),
        (
            {"nano_cpus": 10**9},
            {"cpu_quota": 50_000},
            "Cannot update container {id}: Conflicting options: CPU Quota cannot be updated as NanoCPUs has "
            "already been set",
            Invalid,
        ),
        (
            {"auto_remove": True},
            {"restart_policy": RestartPolicy("always")},
            "Cannot update container {id}: Restart policy cannot be updated because AutoRemove is enabled for "
            "the container",
            Invalid,
        ),
    ],
)
async def test_refusals(
    world: World,
    fields: dict[str, object],
    request_fields: dict[str, object],
    message: str,
    kind: type[CorralError],
) -> None:
    id = await world.create("web", **fields)
    with pytest.raises(kind) as error:
        await world.service.update("web", UpdateRequest(**request_fields))
    assert str(error.value) == message.format(id=id)


async def test_a_limit_of_processes_is_taken_away_by_minus_one_and_not_by_zero(world: World) -> None:
    await world.run("web", pids_limit=20)
    await world.service.update("web", UpdateRequest(pids_limit=0))
    assert world.driver.updates == []
    await world.service.update("web", UpdateRequest(pids_limit=-1))
    assert [resources.pids for resources in world.driver.updates] == [Pids(-1)]
    assert world.engine.store.find("web").host_config.pids_limit == 0


async def test_a_rate_that_is_not_in_the_new_list_is_taken_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"/dev/vda": (254, 0), "/dev/vdb": (254, 16)}
    monkeypatch.setattr("corral.engine.container.update.block_devices", lambda _: numbers)
    await world.run("web")
    for path in numbers:
        await world.service.update("web", UpdateRequest(blkio_device_read_bps=[ThrottleDevice(path, 9)]))
    first, second = (resources.block_io for resources in world.driver.updates)
    assert first is not None and first.throttle_read_bps_device == (oci.ThrottleDevice(254, 0, 9),)
    assert second is not None and second.throttle_read_bps_device == (
        oci.ThrottleDevice(254, 16, 9),
        oci.ThrottleDevice(254, 0, 0),
    )


async def test_the_oom_killer_can_be_given_back(world: World) -> None:
    await world.run("web", memory=64 * MB, oom_kill_disable=True)
    await world.service.update("web", UpdateRequest(oom_kill_disable=False, memory_swappiness=0))
    (resources,) = world.driver.updates
    assert resources.memory == Memory(disable_oom_killer=False, swappiness=0)
