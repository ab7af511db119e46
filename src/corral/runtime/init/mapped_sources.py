"""What is mounted in a container with a user namespace of its own and cannot be made inside: detached trees of it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from corral.linux import mount as m
from corral.linux import namespace as ns
from corral.linux.libc import AT_EMPTY_PATH, AT_RECURSIVE
from corral.oci.idmaps import IDMaps
from corral.runtime.init import nodes, rootfs
from corral.runtime.init.mounts import Kind, MountPlan, attributes_of
from corral.runtime.init.plan import ContainerPlan

__all__ = ["Sources"]

_NEEDED: Final = {"proc": ns.CLONE_NEWPID, "sysfs": ns.CLONE_NEWNET, "mqueue": ns.CLONE_NEWIPC}
"""File systems that only the owner of a namespace may mount."""
_GID: Final = "gid="


class Sources:
    """``plans``: the plan's mounts as they are to be done inside; ``trees``: for each BIND and TREE among them, in
    order."""

    def __init__(self, plan: ContainerPlan, owner: int, maps: IDMaps) -> None:
        self.plans: list[MountPlan] = []
        self.trees: list[int] = []
        self.writable_cgroups = any(
            mount.kind == Kind.CGROUP and not mount.attributes[0] & m.MOUNT_ATTR_RDONLY for mount in plan.mounts
        )
        self._plan = plan
        self._owner = owner
        self._maps = maps
        self._shared: dict[int, int] = {}
        own = plan.clone_flags | (ns.CLONE_NEWPID if plan.pid_namespace else 0)
        for flag, _ in plan.joins:
            own |= flag
        self._of_host = ~own

    def open_shared(self) -> None:
        """Before the mount namespace is cut off from the host's."""
        for number, plan in enumerate(self._plan.mounts):
            if plan.kind == Kind.BIND and plan.propagation & m.MS_SHARED:
                self._shared[number] = rootfs.open_source(plan)

    def open_others(self) -> None:
        """Raises SetupError."""
        for number, plan in enumerate(self._plan.mounts):
            if plan.kind == Kind.BIND:
                self._bind(plan, self._shared.get(number))
            elif plan.destination == "/dev" and plan.fstype == "tmpfs":
                self._add(plan, nodes.make_dev(plan, self._plan.spec.linux.devices, self._maps))
            elif plan.fstype in _NEEDED and _NEEDED[plan.fstype] & self._of_host:
                self._add(plan, _mount_of_host(plan))
            elif plan.fstype == "devpts":
                self.plans.append(self._devpts(plan))
            else:
                self.plans.append(plan)
        for plan, tree in nodes.elsewhere(self._plan.spec.linux.devices, self._maps, self._plan.target):
            self._add(plan, tree)

    def _add(self, plan: MountPlan, tree: int) -> None:
        self.plans.append(replace(plan, kind=Kind.TREE))
        self.trees.append(tree)

    def _bind(self, plan: MountPlan, tree: int | None) -> None:
        if tree is None:
            tree = rootfs.open_source(plan, whole=True)
        if plan.maps is not None:
            rootfs.map_owners(plan, tree, self._owner if plan.maps == self._maps else None)
        if plan.propagation & m.MS_SHARED:
            # What the container mounts there must not appear on the host: it shares with whom it chooses, inside.
            flags = AT_EMPTY_PATH | (AT_RECURSIVE if plan.propagation & m.MS_REC else 0)
            m.mount_setattr(tree, "", flags, propagation=m.MS_SLAVE)
        self._add(plan, tree)

    def _devpts(self, plan: MountPlan) -> MountPlan:
        """A group that nobody inside can be, the kernel refuses."""
        options = plan.data.split(",")
        kept = [
            option
            for option in options
            if not option.startswith(_GID) or self._maps.has_gid(int(option.removeprefix(_GID)))
        ]
        return plan if len(kept) == len(options) else replace(plan, data=",".join(kept))


def _mount_of_host(plan: MountPlan) -> int:
    """Who shares the host's namespace sees its file system."""
    context = m.fsopen(plan.fstype)
    try:
        m.fsconfig(context, m.FSCONFIG_SET_STRING, "source", plan.source)
        m.fsconfig(context, m.FSCONFIG_CMD_CREATE)
        return m.fsmount(context, attr_flags=attributes_of(plan.flags, 0)[0])
    finally:
        os.close(context)
