"""Where control groups are: this host's hierarchies, and each container's place in them. Not in Docker's API."""

from __future__ import annotations

from corral.api.types.wire import Wire, field

__all__ = ["CgroupContainer", "CgroupGroup", "CgroupHierarchy", "Cgroups"]


class CgroupHierarchy(Wire):
    """A mounted one. ``controllers`` of a version 1 hierarchy without any are its name, as ``name=systemd``."""

    version: int
    mount_point: str
    controllers: list[str]


class CgroupGroup(Wire):
    """A directory of a container. ``processes``: in it and in what is nested in it; ``nested``: paths below it."""

    version: int
    controllers: list[str]
    directory: str
    processes: int
    nested: list[str]


class CgroupContainer(Wire):
    """``path`` is the same in all hierarchies; ``groups`` are those that are there: none when it does not run."""

    id: str
    name: str
    state: str
    path: str
    groups: list[CgroupGroup]


class Cgroups(Wire):
    """``version``: "1", "2", or "hybrid" where version 2 is mounted beside controllers of version 1.

    ``parent``: of containers that do not name one.
    """

    version: str
    driver: str
    parent: str
    hierarchies: list[CgroupHierarchy] = field(default_factory=list)
    containers: list[CgroupContainer] = field(default_factory=list)
