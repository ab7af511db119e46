"""Namespace modes: host, private, another container's."""

from __future__ import annotations

from corral.api.types.host_config import HostConfig
from corral.engine.container.modes import container_of
from corral.engine.userns.mode import parse as parse_userns
from corral.errors import Invalid

__all__ = ["check"]


def check(given: HostConfig, *, remapped: bool = False) -> None:
    """``remapped``: the daemon maps ids where nobody says otherwise. Raises Invalid."""
    donor = container_of(given.ipc_mode)
    if donor == "":
        raise Invalid('failed to join IPC namespace: invalid name or ID supplied: ""')
    if given.ipc_mode not in ("", "none", "private", "shareable", "host") and donor is None:
        raise Invalid(f"invalid IPC mode: {given.ipc_mode}")
    if given.pid_mode not in ("", "host") and not container_of(given.pid_mode):
        raise Invalid(f"invalid PID mode: {given.pid_mode}")
    if given.uts_mode not in ("", "host"):
        raise Invalid(f"invalid UTS mode: {given.uts_mode}")
    parse_userns(given.userns_mode)
    if remapped and not given.userns_mode:
        _check_remapped(given)
    if given.cgroupns_mode not in ("", "host", "private"):
        raise Invalid(f"invalid cgroup namespace mode: {given.cgroupns_mode}")


def _check_remapped(given: HostConfig) -> None:
    if given.privileged:
        raise Invalid(
            "privileged mode is incompatible with user namespaces.  "
            "You must run the container in the host namespace when running privileged mode"
        )
    if given.network_mode == "host":
        raise Invalid("cannot share the host's network namespace when user namespaces are enabled")
    if given.pid_mode == "host":
        raise Invalid("cannot share the host PID namespace when user namespaces are enabled")
