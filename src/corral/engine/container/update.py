"""update: other limits and another restart policy for a container, whether it runs or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from corral.api.types.container import UpdateRequest, UpdateResponse
from corral.api.types.host_config import HostConfig, Resources, RestartPolicy
from corral.api.types.wire import replace
from corral.engine.container import news
from corral.engine.container.checks import resources as checks
from corral.engine.container.checks.host_config import check_restart_policy
from corral.engine.container.context import Engine
from corral.engine.container.lookup import locked
from corral.engine.container.record import ContainerRecord, Status
from corral.engine.spec.resources import block_devices, limits
from corral.errors import Conflict, CorralError, Invalid

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
)


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
        await engine.driver.update(record.id, limits(wanted, block_devices(wanted)))
    return await engine.store.redefine(record.id, host_config=merged)


def merge(current: HostConfig, request: UpdateRequest) -> HostConfig:
    """Raises Invalid for combinations that only show once the two are put together."""
    changes = {name: value for name in _CHANGEABLE if (value := getattr(request, name))}
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
    return {name for name in _CHANGEABLE if getattr(before, name) != getattr(after, name)}


def _with_companions(names: Iterable[str]) -> set[str]:
    """What the kernel wants to be told together: swap is counted with memory, a quota goes with its period."""
    result = set(names)
    if result & {"memory", "memory_swap"}:
        result |= {"memory", "memory_swap"}
    if result & {"cpu_period", "cpu_quota"}:
        result |= {"cpu_period", "cpu_quota"}
    return result
