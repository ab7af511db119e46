"""Whether the security modules that a container asks for are there.

Docker records such an option and starts the container without what it promises. Here somebody who asks for confinement
gets it or an error; what asks for none, or for the default, is fine anywhere.
"""

from __future__ import annotations

from corral.api.types.host_config import HostConfig
from corral.engine.container import security_options
from corral.engine.spec.host import HostFacts
from corral.errors import Invalid

__all__ = ["check"]

_ANYWHERE = ("", "unconfined", "corral-default", "docker-default")


def check(given: HostConfig, host: HostFacts) -> None:
    """Raises Invalid."""
    asked = security_options.parse(given.security_opt or ())
    if host.apparmor is None and asked.apparmor not in _ANYWHERE:
        raise Invalid(
            f"--security-opt apparmor={asked.apparmor}: this host's kernel does not confine by AppArmor; "
            "leave the option out to run without it"
        )
    wanted = [label for label in asked.labels if label != "disable"]
    if wanted and not host.selinux:
        raise Invalid(
            f"--security-opt label={wanted[0]}: this daemon does not use SELinux (selinux-enabled, and a kernel that "
            "has it); leave the option out to run without it"
        )
