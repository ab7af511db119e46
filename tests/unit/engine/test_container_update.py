"""update: what changes, what is refused, what the kernel is told."""

from __future__ import annotations

import pytest

from corral.api.types.container import UpdateRequest
from corral.api.types.host_config import RestartPolicy
from corral.errors import Conflict, CorralError, Invalid
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
