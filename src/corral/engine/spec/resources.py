"""Limits: from HostConfig's fields to those of the cgroup controllers."""

from __future__ import annotations

import dataclasses
import os
import posixpath
from collections.abc import Iterable, Mapping
from typing import Final

from corral.api.types import host_config as api
from corral.engine.container.record import ContainerRecord
from corral.engine.container.settings import Settings
from corral.engine.spec.input import SpecInput
from corral.errors import Invalid
from corral.oci.runtime import BlockIO, Cpu, Memory, Pids, Resources, Spec, ThrottleDevice, WeightDevice
from corral.runtime.cgroups.systemd.names import resolve

__all__ = ["block_devices", "cgroup_path", "cgroup_place", "limits", "with_resources"]

_PERIOD: Final = 100_000
"""Microseconds: the period in which ``--cpus`` is given as a quota."""

BlockDevices = Mapping[str, tuple[int, int]]


def with_resources(given: SpecInput, spec: Spec) -> Spec:
    record = given.record
    before = spec.linux.resources or Resources()
    linux = dataclasses.replace(
        spec.linux,
        cgroups_path=cgroup_place(record, given.settings),
        resources=dataclasses.replace(limits(record.host_config, given.block_devices), devices=before.devices),
    )
    return dataclasses.replace(spec, linux=linux)


def cgroup_path(record: ContainerRecord, settings: Settings) -> str:
    """Relative to each hierarchy's mount point, with a leading slash."""
    return resolve(cgroup_place(record, settings))


def cgroup_place(record: ContainerRecord, settings: Settings) -> str:
    """What the runtime is told: the path, or "slice:prefix:name" when systemd is to make a scope."""
    parent = record.host_config.cgroup_parent or settings.cgroup_parent
    if settings.cgroup_driver == "systemd":
        return f"{parent}:corral:{record.id}"
    return posixpath.join("/", parent, record.id)


def limits(given: api.Resources, devices: BlockDevices) -> Resources:
    """Without rules for devices. Parts that nothing is said about are None."""
    return Resources(
        memory=_memory(given),
        cpu=_cpu(given),
        pids=None if given.pids_limit is None else Pids(given.pids_limit if given.pids_limit > 0 else -1),
        block_io=_block_io(given, devices),
    )


def _memory(given: api.Resources) -> Memory | None:
    memory = Memory(
        limit=given.memory or None,
        reservation=given.memory_reservation or None,
        swap=given.memory_swap or None,
        swappiness=given.memory_swappiness,
        disable_oom_killer=True if given.oom_kill_disable else None,
    )
    return None if memory == Memory() else memory


def _cpu(given: api.Resources) -> Cpu | None:
    period, quota = given.cpu_period or None, given.cpu_quota or None
    if given.nano_cpus:
        period, quota = _PERIOD, given.nano_cpus * _PERIOD // 1_000_000_000
    cpu = Cpu(
        shares=given.cpu_shares or None,
        quota=quota,
        period=period,
        realtime_runtime=given.cpu_realtime_runtime or None,
        realtime_period=given.cpu_realtime_period or None,
        cpus=given.cpuset_cpus,
        mems=given.cpuset_mems,
    )
    return None if cpu == Cpu() else cpu


def _block_io(given: api.Resources, devices: BlockDevices) -> BlockIO | None:
    block_io = BlockIO(
        weight=given.blkio_weight or None,
        weight_device=tuple(WeightDevice(*devices[w.path], weight=w.weight) for w in given.blkio_weight_device or ()),
        throttle_read_bps_device=_throttles(given.blkio_device_read_bps, devices),
        throttle_write_bps_device=_throttles(given.blkio_device_write_bps, devices),
        throttle_read_iops_device=_throttles(given.blkio_device_read_iops, devices),
        throttle_write_iops_device=_throttles(given.blkio_device_write_iops, devices),
    )
    return None if block_io == BlockIO() else block_io


def _throttles(given: Iterable[api.ThrottleDevice] | None, devices: BlockDevices) -> tuple[ThrottleDevice, ...]:
    return tuple(ThrottleDevice(*devices[throttle.path], rate=throttle.rate) for throttle in given or ())


def block_devices(given: api.Resources) -> dict[str, tuple[int, int]]:
    """Looks at the host: (major, minor) of each device that an I/O limit names. Raises Invalid."""
    paths = [weight.path for weight in given.blkio_weight_device or ()]
    for throttles in (
        given.blkio_device_read_bps,
        given.blkio_device_write_bps,
        given.blkio_device_read_iops,
        given.blkio_device_write_iops,
    ):
        paths += [throttle.path for throttle in throttles or ()]
    numbers = {}
    for path in paths:
        try:
            device = os.stat(path).st_rdev
        except OSError as error:
            raise Invalid(f"stat {path}: {(error.strerror or str(error)).lower()}") from error
        numbers[path] = (os.major(device), os.minor(device))
    return numbers
