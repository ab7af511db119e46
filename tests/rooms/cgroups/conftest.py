"""A group of this host's, removed again with everything in it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator

import pytest

from corral.runtime.cgroups import Cgroup, Hierarchies


@pytest.fixture(scope="module", params=["all", "version 1"])
def hierarchies(request: pytest.FixtureRequest) -> Hierarchies:
    """Those of the host; and, where there are both, version 1 alone, as on hosts that do not mount version 2."""
    found = Hierarchies.of_host()
    if request.param == "all":
        return found
    if found.v2 is None or not found.has_v1("memory"):
        pytest.skip("version 1 is not there, or there is nothing else")
    return dataclasses.replace(found, v2=None)


@pytest.fixture
def cgroup(hierarchies: Hierarchies, mark: str, request: pytest.FixtureRequest) -> Iterator[Cgroup]:
    parent = f"/{mark}-{os.getpid()}"
    group = Cgroup.at(hierarchies, f"{parent}/{abs(hash(request.node.name)):x}")
    yield group
    group.kill()
    group.delete()
    Cgroup.at(hierarchies, parent).delete()
