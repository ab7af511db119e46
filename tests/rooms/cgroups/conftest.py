"""A group of this host's, removed again with everything in it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from corral.runtime.cgroups import Cgroup, Hierarchies


@pytest.fixture(scope="module")
def hierarchies() -> Hierarchies:
    return Hierarchies.of_host()


@pytest.fixture
def cgroup(hierarchies: Hierarchies, mark: str, request: pytest.FixtureRequest) -> Iterator[Cgroup]:
    parent = f"/{mark}-{os.getpid()}"
    group = Cgroup.at(hierarchies, f"{parent}/{abs(hash(request.node.name)):x}")
    yield group
    group.kill()
    group.delete()
    Cgroup.at(hierarchies, parent).delete()
