"""corral cgroups and /corral/cgroups: what they tell is where the processes are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.host import TestHost

pytestmark = pytest.mark.usefixtures("clean")


def test_every_directory_that_is_told_holds_the_process(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "web", "--pids-limit", "20", "busybox", "sleep", "1000")
    pid = host.docker("inspect", "-f", "{{.State.Pid}}", "web").stdout.strip()
    found = json.loads(host.corral("cgroups", "--format", "json").stdout)
    assert found["Parent"] == host.cgroup_parent
    mounts = {hierarchy["MountPoint"] for hierarchy in found["Hierarchies"]}
    assert all(Path(mount).is_dir() for mount in mounts)
    (web,) = found["Containers"]
    assert web["Name"] == "web"
    assert "pids" in {name for group in web["Groups"] for name in group["Controllers"]}
    for group in web["Groups"]:
        assert group["Processes"] == 1
        assert (Path(group["Directory"]) / "cgroup.procs").read_text().split() == [pid]


def test_a_container_by_name_and_one_that_rests(host: TestHost) -> None:
    host.docker("create", "--name", "rest", "busybox")
    host.docker("run", "-d", "--name", "web", "busybox", "sleep", "1000")
    assert "(created)" in host.corral("cgroups", "rest").stdout
    assert " web " not in host.corral("cgroups", "rest").stdout
    unknown = host.corral("cgroups", "nosuch", check=False)
    assert (unknown.returncode, unknown.stderr) == (1, "Error response from daemon: No such container: nosuch\n")


def test_the_table_names_hierarchies_and_containers(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "web", "busybox", "sleep", "1000")
    lines = host.corral("cgroups").stdout.splitlines()
    assert lines[0].startswith("Cgroup version: ")
    assert lines[2].split() == ["VERSION", "MOUNT", "POINT", "CONTROLLERS"]
    assert any(line.startswith("CONTAINER ID   NAME ") for line in lines)
