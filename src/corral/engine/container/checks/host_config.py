"""What belongs to no other subject: restart policy, runtime, security options, capabilities, ulimits, shm."""

from __future__ import annotations

from typing import Final

from corral.api.types.host_config import HostConfig, RestartPolicy, Ulimit
from corral.engine.container import security_options
from corral.engine.container.settings import Settings
from corral.engine.spec.rlimits import NAMES
from corral.errors import Invalid
from corral.runtime.cgroups.systemd.names import is_slice
from corral.runtime.security import capabilities

__all__ = ["check", "check_restart_policy"]

_POLICIES: Final = ("", "no", "always", "on-failure", "unless-stopped")


def check(given: HostConfig, settings: Settings) -> None:
    check_restart_policy(given.restart_policy)
    if given.auto_remove and given.restart_policy.name not in ("", "no"):
        raise Invalid("can't create 'AutoRemove' container with restart policy")
    if given.runtime and given.runtime not in settings.runtimes:
        raise Invalid(f"unknown or invalid runtime name: {given.runtime}")
    if settings.cgroup_driver == "systemd" and given.cgroup_parent and not is_slice(given.cgroup_parent):
        raise Invalid('cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"')
    if given.isolation not in ("", "default"):
        raise Invalid(f"invalid isolation '{given.isolation}' on linux")
    if given.shm_size < 0:
        raise Invalid("SHM size can not be less than 0")
    if not -1000 <= given.oom_score_adj <= 1000:
        raise Invalid(f"Invalid value {given.oom_score_adj}, range for oom score adj is [-1000, 1000]")
    capabilities.resolve(given.cap_add or (), given.cap_drop or (), privileged=given.privileged)
    security_options.parse(given.security_opt or ())
    for ulimit in given.ulimits or ():
        _check_ulimit(ulimit)


def check_restart_policy(policy: RestartPolicy) -> None:
    if policy.name not in _POLICIES:
        raise Invalid(
            f"invalid restart policy: unknown policy '{policy.name}'; "
            "use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        )
    if policy.maximum_retry_count and policy.name != "on-failure":
        detail = "can only be used with 'on-failure'"
        if policy.maximum_retry_count < 0:
            detail += " and cannot be negative"
        raise Invalid(f"invalid restart policy: maximum retry count {detail}")
    if policy.maximum_retry_count < 0:
        raise Invalid("invalid restart policy: maximum retry count cannot be negative")


def _check_ulimit(ulimit: Ulimit) -> None:
    if ulimit.name not in NAMES:
        raise Invalid(f"invalid ulimit type: {ulimit.name}")
    if ulimit.hard != -1 and (ulimit.soft == -1 or ulimit.soft > ulimit.hard):
        raise Invalid(f"ulimit soft limit must be less than or equal to hard limit: {ulimit.soft} > {ulimit.hard}")
