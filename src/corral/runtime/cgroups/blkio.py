"""The block I/O controller: "blkio" in version 1, "io" in version 2. Weights and throttles, per device or for all.

Weights are version 1's (10-1000). Which files exist depends on the scheduler: plain weights need CFQ (before Linux
5.0) or, in version 2, io.cost; BFQ has files of its own, with its own range 1-1000.
"""

from __future__ import annotations

from typing import Final

from corral.oci.runtime import BlockIO, Resources
from corral.runtime.cgroups.write import Write

__all__ = ["WARNING", "is_asked", "v1", "v2", "weight_of_v1"]

WARNING: Final = "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded."
WEIGHT_DEVICE_WARNING: Final = (
    "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded."
)
_THROTTLES: Final = (
    ("throttle_read_bps_device", "blkio.throttle.read_bps_device", "rbps", "BPS Block I/O read limit"),
    ("throttle_write_bps_device", "blkio.throttle.write_bps_device", "wbps", "BPS Block I/O write limit"),
    ("throttle_read_iops_device", "blkio.throttle.read_iops_device", "riops", "IOPS Block read limit"),
    ("throttle_write_iops_device", "blkio.throttle.write_iops_device", "wiops", "IOPS Block write limit"),
)


def is_asked(resources: Resources) -> bool:
    return resources.block_io is not None and resources.block_io != BlockIO()


def weight_of_v1(weight: int) -> int:
    """10-1000 -> io.weight's 1-10000, linearly. 0 stays 0: not set."""
    return 0 if weight == 0 else 1 + (weight - 10) * 9999 // 990


def v1(resources: Resources) -> list[Write]:
    io = resources.block_io
    if io is None:
        return []
    writes = []
    if io.weight:
        bfq = Write("blkio.bfq.weight", str(io.weight))
        writes.append(Write("blkio.weight", str(io.weight), WARNING, bfq))
    if io.leaf_weight:
        writes.append(Write("blkio.leaf_weight", str(io.leaf_weight), WARNING))
    for device in io.weight_device:
        number = f"{device.major}:{device.minor}"
        if device.weight:
            text = f"{number} {device.weight}"
            bfq = Write("blkio.bfq.weight_device", text)
            writes.append(Write("blkio.weight_device", text, WEIGHT_DEVICE_WARNING, bfq))
        if device.leaf_weight:
            text = f"{number} {device.leaf_weight}"
            writes.append(Write("blkio.leaf_weight_device", text, WEIGHT_DEVICE_WARNING))
    for attribute, file, _, name in _THROTTLES:
        for limit in getattr(io, attribute):
            writes.append(Write(file, f"{limit.major}:{limit.minor} {limit.rate}", _throttle_warning(name)))
    return writes


def v2(resources: Resources) -> list[Write]:
    io = resources.block_io
    if io is None:
        return []
    writes = []
    if io.weight:
        plain = Write("io.weight", f"default {weight_of_v1(io.weight)}")
        writes.append(Write("io.bfq.weight", str(io.weight), WARNING, plain))
    for device in io.weight_device:
        if device.weight:
            number = f"{device.major}:{device.minor}"
            plain = Write("io.weight", f"{number} {weight_of_v1(device.weight)}")
            writes.append(Write("io.bfq.weight", f"{number} {device.weight}", WEIGHT_DEVICE_WARNING, plain))
    for attribute, _, key, name in _THROTTLES:
        for limit in getattr(io, attribute):
            # The kernel takes 0 in version 1 to mean "no limit" and refuses it here.
            rate = limit.rate or "max"
            writes.append(Write("io.max", f"{limit.major}:{limit.minor} {key}={rate}", _throttle_warning(name)))
    return writes


def _throttle_warning(name: str) -> str:
    return f"Your kernel does not support {name} or the cgroup is not mounted. {name} discarded."
