"""The table of steps, in order; later ones see what earlier ones made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from corral.engine.spec import devices, mounts, namespaces, paths, process, resources, security, sysctls
from corral.engine.spec.input import SpecInput
from corral.oci.runtime import Spec

__all__ = ["PROCESS_STEPS", "STEPS", "build"]

Step = Callable[[SpecInput, Spec], Spec]

PROCESS_STEPS: Final[tuple[Step, ...]] = (
    process.with_command,
    process.with_environment,
    process.with_user,
    process.with_limits,
    security.with_capabilities,
    security.with_modules,
)

STEPS: Final[tuple[Step, ...]] = (
    *PROCESS_STEPS,
    process.with_reaper,
    security.with_seccomp,
    namespaces.with_namespaces,
    namespaces.with_hostname,
    mounts.with_system_mounts,
    mounts.with_user_mounts,
    mounts.with_files_in_etc,
    security.with_mount_labels,
    mounts.with_root,
    paths.with_hidden_paths,
    devices.with_devices,
    resources.with_resources,
    sysctls.with_sysctls,
    devices.with_named_devices,
)


def build(given: SpecInput, steps: Iterable[Step] = STEPS) -> Spec:
    """Raises Invalid when the parts contradict each other (a sysctl of a namespace that is not the container's own)."""
    spec = Spec()
    for step in steps:
        spec = step(given, spec)
    return spec
