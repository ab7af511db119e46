"""Namespace modes: host, private, another container's."""

from __future__ import annotations

from corral.api.types.host_config import HostConfig
from corral.engine.container.modes import container_of
from corral.engine.spec.host import HostFacts
from corral.errors import Invalid

__all__ = ["check"]


def check(given: HostConfig, host: HostFacts) -> None:
    if given.ipc_mode not in ("", "none", "private", "shareable", "host") and not container_of(given.ipc_mode):
        raise Invalid(f"invalid IPC mode: {given.ipc_mode}")
    if given.pid_mode not in ("", "host") and not container_of(given.pid_mode):
        raise Invalid(f"invalid PID mode: {given.pid_mode}")
    if given.uts_mode not in ("", "host"):
        raise Invalid(f"invalid UTS mode: {given.uts_mode}")
    if given.userns_mode not in ("", "host"):
        raise Invalid(f"invalid user namespace mode: {given.userns_mode}")
    if given.cgroupns_mode not in ("", "host", "private"):
        raise Invalid(f"invalid cgroup namespace mode: {given.cgroupns_mode}")
    if given.cgroupns_mode == "private" and given.privileged and not host.unified:
        raise Invalid("privileged mode is incompatible with private cgroup namespaces on cgroup v1 hosts")
