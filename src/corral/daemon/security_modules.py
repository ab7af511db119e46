"""AppArmor and SELinux at the daemon's start: what the kernel has, and the profile that containers are under."""

from __future__ import annotations

import asyncio
import dataclasses
import logging

from corral.daemon.config import DaemonConfig
from corral.engine.spec.host import HostFacts
from corral.errors import Unavailable
from corral.runtime.security.apparmor import host as apparmor
from corral.runtime.security.selinux import host as selinux
from corral.store.layout import ExecRoot

__all__ = ["with_security_modules"]

log = logging.getLogger(__name__)


async def with_security_modules(host: HostFacts, config: DaemonConfig, execution: ExecRoot) -> HostFacts:
    """The facts, completed. Loads the default profile of AppArmor; a host where that fails goes on without it."""
    if config.selinux_enabled and not selinux.enabled():
        log.warning("the daemon could not enable SELinux support: the host does not have it")
    host = dataclasses.replace(host, selinux=config.selinux_enabled and selinux.enabled())
    if not apparmor.enabled():
        return host
    try:
        profile = await asyncio.to_thread(apparmor.install, execution.apparmor)
    except (Unavailable, OSError) as error:
        log.warning(
            "AppArmor is enabled on this host, but the default profile could not be loaded, and containers that name "
            "no profile run without one: %s",
            error,
        )
        profile = "unconfined"
    return dataclasses.replace(host, apparmor=profile)
