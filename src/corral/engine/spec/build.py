"""The table of steps, in order; later ones see what earlier ones made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from corral.engine.spec import devices, mounts, namespaces, paths, process, resources, security, sysctls
from corral.engine.spec.input import SpecInput
from corral.oci.runtime import Spec

__all__ = ["STEPS", "build"]

Step = Callable[[SpecInput, Spec], Spec]

STEPS: Final[tuple[Step, ...]] = (
    process.with_command,
    process.with_reaper,
    process.with_environment,
    process.with_user,
    process.with_limits,
    security.with_capabilities,
    security.with_seccomp,
    namespaces.with_namespaces,
    namespaces.with_hostname,
    mounts.with_system_mounts,
    mounts.with_files_in_etc,
    mounts.with_user_mounts,
    mounts.with_root,
    paths.with_hidden_paths,
    devices.with_devices,
    resources.with_resources,
    sysctls.with_sysctls,
)


def build(given: SpecInput) -> Spec:
    """Raises Invalid when the parts contradict each other (a sysctl of a namespace that is not the container's own)."""
    spec = Spec()
    for step in STEPS:
        spec = step(given, spec)
    return spec
