"""What ``docker info`` warns about, in its words."""

from __future__ import annotations

from corral.engine.system.machine import Machine
from corral.engine.system.settings import SystemSettings
from corral.runtime.cgroups.support import Support

__all__ = ["warnings"]


def warnings(support: Support, machine: Machine, settings: SystemSettings) -> list[str]:
    """Limits that this host does not have, and what is open to everybody."""
    version_1 = support.version == 1
    missing = [
        ("memory limit", support.memory_limit),
        ("swap limit", support.swap_limit),
        ("oom kill disable", support.oom_kill_disable or not version_1),
        ("cpu cfs quota", support.cpu_cfs),
        ("cpu cfs period", support.cpu_cfs),
        ("cpu shares", support.cpu_shares),
        ("cpuset", support.cpuset),
        ("pids limit", support.pids_limit),
        ("io.weight", support.blkio_weight or version_1),
        ("blkio throttle" if version_1 else "io.max", support.blkio_throttle),
        ("devices cgroup", support.devices),
    ]
    found = [f"WARNING: No {name} support" for name, is_there in missing if not is_there]
    if not machine.ip_forward:
        found.append("WARNING: IPv4 forwarding is disabled")
    found += [
        f"WARNING: API is accessible on {address} without encryption.\n"
        "         Access to the remote API is equivalent to root access on the host."
        for address in settings.open_addresses
    ]
    return found
