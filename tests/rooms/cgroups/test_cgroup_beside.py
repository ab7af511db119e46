"""Controllers that only version 1 has, mounted beside version 2: the mixture that hosts with net_cls rules have."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.oci.runtime import InterfacePriority, NetworkResources, Resources
from corral.runtime.cgroups import Cgroup, Hierarchies
from support.tenant import Tenant, forever

pytestmark = pytest.mark.requires("root", "cgroup2")

CONTROLLERS = ("net_cls", "net_prio", "perf_event", "freezer")


@pytest.fixture
def mixture(tmp_path: Path, mark: str) -> Iterator[Hierarchies]:
    mounted = []
    try:
        for controller in CONTROLLERS:
            point = tmp_path / controller
            point.mkdir()
            command = ["mount", "-t", "cgroup", "-o", controller, mark, point]
            if subprocess.run(command, capture_output=True).returncode == 0:
                mounted.append(point)
        if len(mounted) < len(CONTROLLERS):
            pytest.skip("this kernel does not have all of these controllers")
        yield Hierarchies.of_host()
    finally:
        for point in mounted:
            subprocess.run(["umount", point], check=True)


def test_version_1_controllers_are_used_where_they_are(mixture: Hierarchies, mark: str) -> None:
    assert mixture.v2 is not None
    cgroup = Cgroup.at(mixture, f"/{mark}-mixture")
    try:
        given = Resources(network=NetworkResources(0x100001, (InterfacePriority("lo", 5),)))
        assert cgroup.create(given) == []
        places = {name: place for name in CONTROLLERS if (place := mixture.of(name)) is not None}
        classes = Path(places["net_cls"].mount_point, cgroup.path.strip("/"))
        priorities = Path(places["net_prio"].mount_point, cgroup.path.strip("/"))
        assert (classes / "net_cls.classid").read_text() == "1048577\n"
        assert "lo 5\n" in (priorities / "net_prio.ifpriomap").read_text()

        tenant = Tenant(cgroup, forever)
        lines = Path(f"/proc/{tenant.pid}/cgroup").read_text()
        assert f":net_cls:{cgroup.path}\n" in lines
        assert f"0::{cgroup.path}\n" in lines
        assert ":perf_event:/\n" in lines

        cgroup.update(Resources(network=NetworkResources(class_id=0x100002)))
        assert (classes / "net_cls.classid").read_text() == "1048578\n"
        cgroup.freeze()
        assert (Path(mixture.v2.mount_point) / cgroup.path.strip("/") / "cgroup.freeze").read_text() == "1\n"
        cgroup.kill()
        tenant.wait()
    finally:
        cgroup.delete()
    assert not classes.exists()


def test_everything_is_joined_for_who_may_write(mixture: Hierarchies, mark: str) -> None:
    cgroup = Cgroup.at(mixture, f"/{mark}-mixture-all", everything=True)
    try:
        cgroup.create(None)
        tenant = Tenant(cgroup, forever)
        lines = Path(f"/proc/{tenant.pid}/cgroup").read_text().splitlines()
        assert {line.split(":")[1] for line in lines if line.endswith(f":{cgroup.path}")} == {"", *CONTROLLERS}
        cgroup.kill()
        tenant.wait()
    finally:
        cgroup.delete()
