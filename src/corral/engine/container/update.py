"""update: other limits and another restart policy for a container, whether it runs or not.

Docker changes those that its client has flags for. Rates and weights of devices, swappiness and the OOM killer switch,
which it ignores here, are changed as well: the request has room for them, and a client that leaves them empty, as
Docker's does, notices nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from corral.api.types.container import UpdateRequest, UpdateResponse
from corral.api.types.host_config import HostConfig, Resources, RestartPolicy, ThrottleDevice
from corral.api.types.wire import replace
from corral.engine.container import news
from corral.engine.container.checks import resources as checks
from corral.engine.container.checks.host_config import check_restart_policy
from corral.engine.container.context import Engine
from corral.engine.container.lookup import locked
from corral.engine.container.record import ContainerRecord, Status
from corral.engine.spec.resources import block_devices, limits
from corral.errors import Conflict, CorralError, Invalid
from corral.oci.runtime import Memory

__all__ = ["merge", "update"]

_CHANGEABLE: Final = (
    "blkio_weight",
    "cpu_shares",
    "cpu_period",
    "cpu_quota",
    "cpu_realtime_period",
    "cpu_realtime_runtime",
    "cpuset_cpus",
    "cpuset_mems",
    "memory",
    "memory_swap",
    "memory_reservation",
    "nano_cpus",
    "pids_limit",
    "memory_swappiness",
    "oom_kill_disable",
)
_OF_DEVICES: Final = (
    "blkio_weight_device",
    "blkio_device_read_bps",
    "blkio_device_write_bps",
    "blkio_device_read_iops",
    "blkio_device_write_iops",
)
"""Lists, which replace what there was: a rate that is not in the new one is taken away."""


async def update(engine: Engine, ref: str, request: UpdateRequest) -> UpdateResponse:
    """What the request leaves at zero stays as it is. All of it is in force, or nothing of it.

    Raises NotFound, Invalid, Conflict.
    """
    checks.check(
        replace(request, memory_swap=0) if request.memory_swap and not request.memory else request, engine.host
    )
    check_restart_policy(request.restart_policy)
    warnings = checks.warnings(request, engine.host)
    request = checks.supported(request, engine.host)
    async with locked(engine, ref) as record:
        try:
            record = await _apply(engine, record, request)
        except CorralError as error:
            raise type(error)(f"Cannot update container {record.id}: {error.message}", code=error.code) from error
    news.emit(engine, record, "update")
    return UpdateResponse(warnings=warnings)


async def _apply(engine: Engine, record: ContainerRecord, request: UpdateRequest) -> ContainerRecord:
    if record.status in (Status.REMOVING, Status.DEAD):
        raise Conflict('container is marked for removal and cannot be "update"')
    merged = merge(record.host_config, request)
    if record.status.has_process and (changed := _changes(record.host_config, merged)):
        wanted = Resources(**{name: getattr(merged, name) for name in _with_companions(changed)})
        _take_away(record.host_config, wanted, changed)
        resources = limits(wanted, block_devices(wanted))
        if "oom_kill_disable" in changed:
            memory = dataclasses.replace(resources.memory or Memory(), disable_oom_killer=merged.oom_kill_disable)
            resources = dataclasses.replace(resources, memory=memory)
        await engine.driver.update(record.id, resources)
    return await engine.store.redefine(record.id, host_config=merged)


def merge(current: HostConfig, request: UpdateRequest) -> HostConfig:
    """Raises Invalid for combinations that only show once the two are put together."""
    changes = {name: value for name in (*_CHANGEABLE, *_OF_DEVICES) if (value := getattr(request, name))}
    if request.memory_swappiness is not None:
        changes["memory_swappiness"] = None if request.memory_swappiness == -1 else request.memory_swappiness
    if request.oom_kill_disable is not None:
        changes["oom_kill_disable"] = request.oom_kill_disable
    if request.nano_cpus and (current.cpu_period or current.cpu_quota):
        which = "Period" if current.cpu_period else "Quota"
        raise Invalid(f"Conflicting options: Nano CPUs cannot be updated as CPU {which} has already been set")
    if (request.cpu_quota or request.cpu_period) and current.nano_cpus:
        which = "Quota" if request.cpu_quota else "Period"
        raise Invalid(f"Conflicting options: CPU {which} cannot be updated as NanoCPUs has already been set")
    if request.memory > current.memory_swap and not request.memory_swap:
        raise Conflict(
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
        )
    if request.memory_swap > 0 and not (request.memory or current.memory):
        raise Invalid("You should always set the Memory limit when using Memoryswap limit, see usage")
    policy = request.restart_policy
    if policy.name:
        if current.auto_remove and policy.name != "no":
            raise Invalid("Restart policy cannot be updated because AutoRemove is enabled for the container")
        changes["restart_policy"] = RestartPolicy(policy.name, policy.maximum_retry_count)
    if request.pids_limit is not None and request.pids_limit < 0:
        changes["pids_limit"] = 0  # none any more; 0 in a request is nothing said
    return replace(current, **changes)


def _changes(before: HostConfig, after: HostConfig) -> set[str]:
    return {name for name in (*_CHANGEABLE, *_OF_DEVICES) if getattr(before, name) != getattr(after, name)}


def _take_away(before: HostConfig, wanted: Resources, changed: set[str]) -> None:
    """Adds a rate of 0, which is none, for each device that had one and is not to have it any more."""
    for name in changed & {*_OF_DEVICES[1:]}:
        new: list[ThrottleDevice] = getattr(wanted, name) or []
        kept = {entry.path for entry in new}
        gone = [ThrottleDevice(entry.path, 0) for entry in getattr(before, name) or () if entry.path not in kept]
        setattr(wanted, name, [*new, *gone])


def _with_companions(names: Iterable[str]) -> set[str]:
    """What the kernel wants to be told together: swap is counted with memory, a quota goes with its period."""
    result = set(names)
    if result & {"memory", "memory_swap"}:
        result |= {"memory", "memory_swap"}
    if result & {"cpu_period", "cpu_quota"}:
        result |= {"cpu_period", "cpu_quota"}
    return result
