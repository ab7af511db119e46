"""A container's SELinux labels, decided when it is created and kept in its record; and labels on what it mounts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from corral.api.types.host_config import HostConfig
from corral.engine.container.modes import joined
from corral.engine.container.record import ContainerRecord
from corral.errors import Invalid
from corral.oci.rootfs import RootfsMount
from corral.runtime.security import selinux
from corral.volume.mount import ContainerMount

__all__ = ["labelled", "labels", "relabel_mounts"]


def labels(
    given: HostConfig, asked: tuple[str, ...], donors: dict[str, ContainerRecord], others: Iterable[ContainerRecord]
) -> selinux.Labels:
    """``asked``: the options of --security-opt label; ``donors``: whose namespaces it joins. Raises Invalid."""
    taken = {selinux.level_of(record.process_label) for record in others if record.process_label}
    return selinux.container_labels(asked or _implied(given, donors), selinux.base_labels(), taken)


def _implied(given: HostConfig, donors: dict[str, ContainerRecord]) -> tuple[str, ...]:
    """Without options of its own: nothing separates it from the host, or from those with whom it shares memory."""
    if given.privileged or "host" in (given.ipc_mode, given.pid_mode):
        return ("disable",)
    kinds = [kind for kind in ("ipc", "pid") if kind in joined(given) and kind in donors]
    found = {selinux.duplicated_options(donors[kind].process_label) for kind in kinds}
    if len(found) > 1:
        raise Invalid("--ipc and --pid containers SELinux labels aren't the same")
    return found.pop() if found else ()


def relabel_mounts(mounts: Iterable[ContainerMount], label: str) -> None:
    """Binds and volumes with ``z`` or ``Z`` in their mode. Walks trees: for a thread.

    Raises Invalid, Forbidden, OSError.
    """
    for mount in mounts:
        words = mount.mode.split(",")
        if label and mount.source and ("z" in words or "Z" in words):
            selinux.relabel(mount.source, label, shared="z" in words)


def labelled(rootfs: tuple[RootfsMount, ...], label: str) -> tuple[RootfsMount, ...]:
    """The root's files as the container's: by a mount option, so that layers have no label of their own."""
    return tuple(
        dataclasses.replace(mount, options=(*mount.options, f'context="{label}"')) if mount.type == "overlay" else mount
        for mount in rootfs
    )
