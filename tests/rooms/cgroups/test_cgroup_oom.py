"""Running out of memory: whose limit it was, and what happens when nobody may be killed."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.oci.runtime import Memory, Resources
from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.cgroups.oom import HOST, OWN, OomWatch
from corral.runtime.cgroups.plan import directory_of
from support.tenant import Tenant, contents, forever, until

pytestmark = pytest.mark.requires("root", "cgroup")

MEGABYTE = 1 << 20
SMALL = Memory(limit=16 * MEGABYTE, swap=16 * MEGABYTE)
LARGE = Memory(limit=256 * MEGABYTE, swap=256 * MEGABYTE)


def devour() -> None:
    bytearray(64 * MEGABYTE)


def rings(watch: OomWatch) -> bool:
    with select.epoll() as epoll:
        epoll.register(watch.fileno(), watch.events)
        return bool(epoll.poll(10))


@pytest.fixture
def watched(cgroup: Cgroup) -> Iterator[Callable[[], OomWatch]]:
    watches: list[OomWatch] = []

    def watch() -> OomWatch:
        found = cgroup.oom_fd()
        assert found is not None
        watches.append(found)
        return found

    yield watch
    for found in watches:
        found.close()


def test_own_limit_is_named(cgroup: Cgroup, watched: Callable[[], OomWatch]) -> None:
    cgroup.create(Resources(memory=SMALL))
    watch = watched()
    for _ in range(2):
        tenant = Tenant(cgroup, devour)
        assert rings(watch)
        assert tenant.wait() == -signal.SIGKILL
        assert watch.read()
        assert not watch.unsure
        assert watch.limit() == OWN
    assert cgroup.oom_kill_count() == 2


def test_limit_of_a_group_above_is_named(
    hierarchies: Hierarchies, cgroup: Cgroup, watched: Callable[[], OomWatch]
) -> None:
    parent = Cgroup.at(hierarchies, os.path.dirname(cgroup.path))
    parent.create(Resources(memory=SMALL))
    cgroup.create(Resources(memory=LARGE))
    watch = watched()
    tenant = Tenant(cgroup, devour)
    assert rings(watch)
    assert tenant.wait() == -signal.SIGKILL
    assert watch.read()
    assert watch.limit() == parent.path


def test_group_in_which_nobody_is_killed_is_not_blamed(
    hierarchies: Hierarchies, cgroup: Cgroup, watched: Callable[[], OomWatch]
) -> None:
    """Version 1 tells all groups below the one whose limit was hit."""
    parent = Cgroup.at(hierarchies, os.path.dirname(cgroup.path))
    parent.create(Resources(memory=SMALL))
    cgroup.create(None)
    neighbour = Cgroup.at(hierarchies, f"{parent.path}/neighbour")
    neighbour.create(None)
    watch = watched()
    try:
        assert Tenant(neighbour, devour).wait() == -signal.SIGKILL
        assert not watch.read()
        assert not watch.read()
        assert not watch.unsure
    finally:
        neighbour.delete()


def test_limit_of_a_nested_group_is_named(
    hierarchies: Hierarchies, cgroup: Cgroup, watched: Callable[[], OomWatch]
) -> None:
    whole = Cgroup.at(hierarchies, cgroup.path, everything=True)
    whole.create(None)
    watch = watched()
    nested = Cgroup.at(hierarchies, f"{cgroup.path}/inner")
    nested.create(Resources(memory=SMALL))
    assert Tenant(nested, devour).wait() == -signal.SIGKILL
    assert watch.limit() == nested.path
    assert whole.oom_kill_count() == 1


def test_no_limit_of_a_group_means_the_host(cgroup: Cgroup, watched: Callable[[], OomWatch]) -> None:
    cgroup.create(None)
    assert watched().limit() == HOST


def test_group_without_oom_killer_waits_until_it_gets_memory(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    place = hierarchies.of("memory")
    if place is None or place.version == 2:
        pytest.skip("version 2 always kills")
    cgroup.create(Resources(memory=Memory(limit=16 * MEGABYTE, swap=16 * MEGABYTE, disable_oom_killer=True)))
    tenant = Tenant(cgroup, devour)
    control = Path(directory_of(place, cgroup.path), "memory.oom_control")
    assert until(lambda: "under_oom 1" in control.read_text())
    cgroup.update(Resources(memory=LARGE))
    assert tenant.wait() == 0
    cgroup.update(Resources(memory=Memory(disable_oom_killer=False)))
    assert "oom_kill_disable 0" in control.read_text()


def test_limit_below_what_is_used_is_refused_with_the_usage(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    cgroup.create(Resources(memory=LARGE))
    read_end, write_end = os.pipe()

    def hold() -> None:
        held = bytearray(64 * MEGABYTE)
        os.write(write_end, b"x")
        assert held
        forever()

    tenant = Tenant(cgroup, hold)
    os.read(read_end, 1)
    try:
        with pytest.raises(Invalid, match="rejecting memory limit"):
            cgroup.update(Resources(memory=Memory(limit=8 * MEGABYTE, check_before_update=True)))
        place = hierarchies.of("memory")
        if place is not None and place.version == 1:
            with pytest.raises(Invalid, match=r"unable to set memory limit to 8388608 \(current usage: "):
                cgroup.update(Resources(memory=Memory(limit=8 * MEGABYTE)))
        limit = contents(hierarchies, "memory", cgroup, "memory.limit_in_bytes", "memory.max")
        assert limit == str(256 * MEGABYTE)
    finally:
        cgroup.kill()
        tenant.wait()
        os.close(read_end)
        os.close(write_end)
