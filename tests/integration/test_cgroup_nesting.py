"""Control groups that containers make inside their own, and containers inside groups that others made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.oci.runtime import Memory, Resources
from corral.runtime.cgroups import Cgroup, Hierarchies
from support.host import TestHost

pytestmark = pytest.mark.requires("root", "cgroup")

MEGABYTE = 1 << 20

NEST = """
cd /sys/fs/cgroup
if [ -e cgroup.controllers ]; then at=.; else at=memory; fi
mkdir $at/inner $at/inner/most
if [ $at = . ]; then
  mkdir leaf && for pid in $(cat cgroup.procs); do echo $pid >leaf/cgroup.procs; done
  echo +memory >cgroup.subtree_control && echo +memory >inner/cgroup.subtree_control
  echo 64M >inner/memory.max
else
  echo 67108864 >memory/inner/memory.limit_in_bytes
fi
echo nested
sleep 1000 &
echo $! >$at/inner/most/cgroup.procs
cat /proc/$!/cgroup
exec sleep 1000
"""


@pytest.fixture
def parent(host: TestHost) -> Iterator[Cgroup]:
    group = Cgroup.at(Hierarchies.of_host(), f"{host.cgroup_parent}-outer")
    group.create(Resources(memory=Memory(limit=24 * MEGABYTE, swap=24 * MEGABYTE)))
    yield group
    group.delete()


def memory_directory(path: str) -> Path:
    place = Hierarchies.of_host().of("memory")
    assert place is not None
    return Path(place.mount_point, path.strip("/"))


def test_privileged_container_has_groups_of_its_own_and_leaves_none(host: TestHost) -> None:
    try:
        host.docker("run", "-d", "--name", "nest", "--privileged", "--cgroupns", "private", "busybox", "sh", "-c", NEST)
        lines = _lines(host, "nest")
        assert lines[0] == "nested"
        assert any(line.endswith(":/inner/most") for line in lines)
        id = host.docker("inspect", "-f", "{{.Id}}", "nest").stdout.strip()
        directory = memory_directory(f"{host.cgroup_parent}/{id}")
        limits = [directory / "inner" / name for name in ("memory.max", "memory.limit_in_bytes")]
        assert [path.read_text() for path in limits if path.exists()] == [f"{64 * MEGABYTE}\n"]
        assert len(host.docker("top", "nest").stdout.splitlines()) == 3
    finally:
        host.docker("rm", "-f", "nest")
    assert not directory.exists()


def _lines(host: TestHost, name: str) -> list[str]:
    """Its output, once it has said all that it has to say."""
    for line in iter(lambda: host.docker("logs", name).stdout, None):
        if "inner/most" in line:
            return line.splitlines()
        assert host.docker("inspect", "-f", "{{.State.Running}}", name).stdout == "true\n", host.docker("logs", name)
    raise AssertionError


def test_ordinary_container_cannot_make_groups(host: TestHost) -> None:
    command = "for d in /sys/fs/cgroup /sys/fs/cgroup/memory; do mkdir $d/x 2>/dev/null && echo made; done; true"
    assert host.docker("run", "--rm", "busybox", "sh", "-c", command).stdout == ""


def test_containers_live_below_the_parent_that_they_are_given(host: TestHost, parent: Cgroup) -> None:
    try:
        host.docker("run", "-d", "--name", "inside", "--cgroup-parent", parent.path, "busybox", "sleep", "1000")
        pid = int(host.docker("inspect", "-f", "{{.State.Pid}}", "inside").stdout)
        id = host.docker("inspect", "-f", "{{.Id}}", "inside").stdout.strip()
        assert f":{parent.path}/{id}\n" in Path(f"/proc/{pid}/cgroup").read_text()
        assert os.path.isdir(memory_directory(f"{parent.path}/{id}"))
    finally:
        host.docker("rm", "-f", "inside")


def test_oom_kill_by_the_parents_limit_names_the_parent(host: TestHost, parent: Cgroup) -> None:
    try:
        host.docker("run", "--name", "crowded", "--cgroup-parent", parent.path, "-m", "512m", "busybox",
                    "tail", "/dev/zero", check=False)  # fmt: skip
        client = host.sdk()
        state = client.api.inspect_container("crowded")["State"]
        client.close()
        assert (state["OOMKilled"], state["OOMLimit"]) == (True, parent.path)
    finally:
        host.docker("rm", "-f", "crowded")
