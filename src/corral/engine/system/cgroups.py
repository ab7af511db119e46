"""Where control groups are: hierarchies and controllers of the host, and each container's place in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from corral.api.types.cgroups import CgroupContainer, CgroupGroup, CgroupHierarchy, Cgroups
from corral.engine.container.record import ContainerRecord
from corral.engine.container.settings import Settings
from corral.engine.spec.resources import cgroup_path
from corral.runtime.cgroups import tree
from corral.runtime.cgroups.hierarchies import Hierarchies, Hierarchy
from corral.runtime.cgroups.plan import directory_of

__all__ = ["CgroupService", "describe"]


class Records(Protocol):
    def __iter__(self) -> Iterator[ContainerRecord]: ...
    def find(self, ref: str) -> ContainerRecord: ...


class CgroupService:
    def __init__(self, records: Records, settings: Settings) -> None:
        self._records = records
        self._settings = settings

    async def cgroups(self, refs: Sequence[str]) -> Cgroups:
        """With all containers, or those that are named. Raises NotFound."""
        records = [self._records.find(ref) for ref in refs] if refs else list(self._records)
        return describe(Hierarchies.of_host(), records, self._settings)


def describe(hierarchies: Hierarchies, records: Iterable[ContainerRecord], settings: Settings) -> Cgroups:
    """Reads the directories of ``records``. Groups that vanish meanwhile are left out."""
    mounted = [*hierarchies.v1, *([hierarchies.v2] if hierarchies.v2 else [])]
    return Cgroups(
        version=_version(hierarchies),
        driver=settings.cgroup_driver,
        parent=settings.cgroup_parent,
        hierarchies=[CgroupHierarchy(h.version, h.mount_point, sorted(h.controllers)) for h in mounted],
        containers=[_container(mounted, record, settings) for record in records],
    )


def _version(hierarchies: Hierarchies) -> str:
    if hierarchies.v2 is None:
        return "1"
    return "hybrid" if hierarchies.v1 else "2"


def _container(mounted: Iterable[Hierarchy], record: ContainerRecord, settings: Settings) -> CgroupContainer:
    path = cgroup_path(record, settings)
    return CgroupContainer(
        id=record.id,
        name=record.name,
        state=record.status.value,
        path=path,
        groups=[group for hierarchy in mounted if (group := _group(hierarchy, path)) is not None],
    )


def _group(hierarchy: Hierarchy, path: str) -> CgroupGroup | None:
    directory = directory_of(hierarchy, path)
    if not os.path.isdir(directory):
        return None
    return CgroupGroup(
        version=hierarchy.version,
        controllers=_controllers(hierarchy, directory),
        directory=directory,
        processes=len(tree.members(directory)),
        nested=sorted(os.path.relpath(nested, directory) for nested in tree.descendants(directory)),
    )


def _controllers(hierarchy: Hierarchy, directory: str) -> list[str]:
    """Of version 2, those that the groups above hand down."""
    if hierarchy.version == 1:
        return sorted(hierarchy.controllers)
    try:
        with open(f"{directory}/cgroup.controllers") as file:
            return sorted(file.read().split())
    except OSError:
        return []
