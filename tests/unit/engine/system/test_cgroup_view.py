"""Where containers live, on trees of directories."""

from __future__ import annotations

from pathlib import Path

from corral.engine.container.settings import Settings
from corral.engine.system.cgroups import describe
from corral.runtime.cgroups.hierarchies import Hierarchies, Hierarchy
from unit.engine.fakes import World


def hierarchy(root: Path, name: str, version: int, *controllers: str) -> Hierarchy:
    (root / name).mkdir(exist_ok=True)
    return Hierarchy(str(root / name), version, frozenset(controllers))


async def test_a_running_container_in_a_mixture(world: World, tmp_path: Path) -> None:
    id = await world.run("web")
    await world.create("rest", cgroup_parent="/elsewhere")
    for name, procs in (("memory", "7\n8\n"), ("v2", "7\n")):
        group = tmp_path / name / "corral" / id
        (group / "inner" / "deep").mkdir(parents=True)
        (group / "cgroup.procs").write_text(procs)
        (group / "inner" / "deep" / "cgroup.procs").write_text("9\n")
    (tmp_path / "v2" / "corral" / id / "cgroup.controllers").write_text("pids hugetlb\n")
    memory, pids = hierarchy(tmp_path, "memory", 1, "memory"), hierarchy(tmp_path, "pids", 1, "pids")
    found = describe(
        Hierarchies((memory, pids), hierarchy(tmp_path, "v2", 2, "hugetlb")),
        sorted(world.engine.store, key=lambda record: record.name, reverse=True),
        Settings(),
    )
    assert (found.version, found.driver, found.parent) == ("hybrid", "cgroupfs", "/corral")
    assert [(h.version, h.controllers) for h in found.hierarchies] == [(1, ["memory"]), (1, ["pids"]), (2, ["hugetlb"])]
    web, rest = found.containers
    assert (web.id, web.name, web.state, web.path) == (id, "web", "running", f"/corral/{id}")
    assert [(g.version, g.controllers, g.processes) for g in web.groups] == [
        (1, ["memory"], 3),
        (2, ["hugetlb", "pids"], 2),
    ]
    assert web.groups[0].directory == f"{tmp_path}/memory/corral/{id}"
    assert web.groups[0].nested == ["inner", "inner/deep"]
    assert rest.path.startswith("/elsewhere/")
    assert rest.groups == []


def test_versions(tmp_path: Path) -> None:
    v1, v2 = hierarchy(tmp_path, "a", 1, "memory"), hierarchy(tmp_path, "b", 2)
    hosts = (Hierarchies((v1,), None), Hierarchies((), v2), Hierarchies((v1,), v2))
    assert [describe(host, [], Settings()).version for host in hosts] == ["1", "2", "hybrid"]
