"""systemd as the manager of control groups, through the clients: each way of seeing them that this machine allows.

``native.cgroupdriver=systemd`` with a real systemd, in whose namespaces the daemon runs.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import engines
from support import systemd as systems
from support.host import TestHost
from support.systemd import System

pytestmark = pytest.mark.requires(*engines.NEEDS)

MEGABYTE = 1 << 20


@dataclass
class Managed:
    """An engine whose containers are scopes of ``system``'s, by default in ``slice``."""

    host: TestHost
    system: System
    slice: str

    @property
    def limit(self) -> str:
        """The property with the memory limit."""
        return "MemoryMax" if self.system.view == "unified" else "MemoryLimit"

    def scope(self, name: str) -> str:
        id = self.host.docker("inspect", "-f", "{{.Id}}", name).stdout.strip()
        return f"corral-{id}.scope"

    def scopes(self) -> list[str]:
        return self.system.units("corral-*.scope")

    def groups(self) -> list[Path]:
        """Directories of scopes, in all hierarchies."""
        return [path for group in self.system.groups for path in group.rglob("corral-*.scope")]


@pytest.fixture(scope="module", params=systems.VIEWS)
def managed(request: pytest.FixtureRequest, mark: str, busybox: Path) -> Iterator[Managed]:
    if reason := systems.missing(request.param):
        pytest.skip(reason)
    flags = ["--exec-opt", "native.cgroupdriver=systemd"]
    flags += ["--add-runtime", f"corral-oci={Path(sys.executable).parent}/corral-oci"]
    if shutil.which("crun"):
        flags += ["--add-runtime", "crun=crun"]
    with systems.running(request.param, mark) as system:
        host = TestHost(mark, flags=flags, enter=system.enter, cgroup_parent=f"{mark}.slice")
        try:
            host.start()
            host.import_busybox(busybox)
            yield Managed(host, system, f"{mark}.slice")
        finally:
            host.close()


@pytest.fixture
def box(managed: Managed) -> Iterator[str]:
    """The name for one container of the test, of which nothing may remain."""
    yield "systemd-box"
    managed.host.docker("rm", "-f", "-v", "systemd-box", check=False)
    assert managed.scopes() == []
    assert managed.groups() == []


def runtimes() -> list[str]:
    return ["corral", "corral-oci", "runc", "crun"]


def skip_without(managed: Managed, runtime: str) -> None:
    if runtime in ("runc", "crun") and not shutil.which(runtime):
        pytest.skip(f"{runtime} is not installed")
    if runtime == "crun" and managed.system.view != "unified":
        pytest.skip("crun's containers are not in their scopes on version 1")


def told(runtime: str, properties: dict[str, str]) -> dict[str, str]:
    """Those of ``properties`` that systemd learns from a runtime: crun 1.8 writes limits to the files only."""
    if runtime != "crun":
        return properties
    return {name: properties[name] for name in ("Slice", "ControlGroup", "ActiveState", "Delegate")}


def test_info_names_the_driver(managed: Managed) -> None:
    version = "2" if managed.system.view == "unified" else "1"
    shown = managed.host.docker("info", "--format", "{{.CgroupDriver}} {{.CgroupVersion}}").stdout
    assert shown == f"systemd {version}\n"


@pytest.mark.parametrize("runtime", runtimes())
def test_container_is_a_scope_with_its_limits(managed: Managed, box: str, runtime: str) -> None:
    skip_without(managed, runtime)
    host, system = managed.host, managed.system
    limits = ["-m", "64m", "--memory-swap", "96m", "--cpus", "0.5", "--pids-limit", "33"]
    host.docker("run", "-d", "--name", box, "--runtime", runtime, *limits, "busybox", "sleep", "1000")
    scope = managed.scope(box)
    assert managed.scopes() == [scope]
    names = ("Slice", "ControlGroup", "ActiveState", "Delegate", "TasksMax", "CPUQuotaPerSecUSec", "DevicePolicy")
    expected = {
        "Slice": managed.slice,
        "ControlGroup": f"/{managed.slice}/{scope}",
        "ActiveState": "active",
        "Delegate": "yes",
        "TasksMax": "33",
        "CPUQuotaPerSecUSec": "500ms",
        "DevicePolicy": "strict",
        managed.limit: str(64 * MEGABYTE),
    }
    shown = system.properties(scope, *names, managed.limit)
    assert shown.items() >= told(runtime, expected).items()

    host.docker("update", "-m", "96m", "--memory-swap", "128m", "--pids-limit", "44", box)
    updated = {"TasksMax": "44", managed.limit: str(96 * MEGABYTE)}
    assert system.properties(scope, "TasksMax", managed.limit) == updated
    system.run("systemctl", "daemon-reload")
    assert system.properties(scope, "TasksMax", managed.limit) == updated
    script = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null"
    assert host.docker("exec", box, "sh", "-c", script, check=False).stdout == f"{96 * MEGABYTE}\n"
    assert host.docker("stats", "--no-stream", "--format", "{{.MemUsage}}", box).stdout.endswith("/ 96MiB\n")

    assert host.docker("pause", box).returncode == 0
    assert host.docker("inspect", "-f", "{{.State.Status}}", box).stdout == "paused\n"
    host.docker("unpause", box)
    host.docker("exec", box, "true")
    host.docker("kill", box)
    host.docker("wait", box)
    assert managed.scopes() == []
    host.docker("start", box)
    assert managed.scopes() == [scope]
    assert system.properties(scope, managed.limit) == {managed.limit: str(96 * MEGABYTE)}


@pytest.mark.parametrize("runtime", runtimes())
def test_container_survives_the_daemon_and_systemds_reexecution(managed: Managed, box: str, runtime: str) -> None:
    skip_without(managed, runtime)
    host, system = managed.host, managed.system
    host.docker("run", "-d", "--name", box, "--runtime", runtime, "-m", "64m", "busybox", "sleep", "1000")
    before = host.docker("inspect", "-f", "{{.State.Pid}} {{.State.StartedAt}}", box).stdout
    host.restart()
    system.run("systemctl", "daemon-reexec")
    assert host.docker("inspect", "-f", "{{.State.Pid}} {{.State.StartedAt}}", box).stdout == before
    assert host.docker("exec", box, "echo", "in").stdout == "in\n"
    host.docker("update", "-m", "80m", "--memory-swap", "80m", box)
    limit = system.properties(managed.scope(box), managed.limit)
    assert limit == {managed.limit: str(80 * MEGABYTE)}
    host.docker("restart", "-t", "0", box)
    assert managed.scopes() == [managed.scope(box)]


def test_container_that_is_out_of_memory_is_told_and_leaves_no_failed_unit(managed: Managed, box: str) -> None:
    command = ["-m", "16m", "--memory-swap", "16m", "busybox", "sh", "-c", "tail /dev/zero; exit 3"]
    host = managed.host
    host.docker("run", "--name", box, *command, check=False)
    assert host.docker("inspect", "-f", "{{.State.OOMKilled}}", box).stdout == "true\n"
    assert managed.scopes() == []


def test_privileged_container_has_all_devices_and_can_be_entered_after_others_have_ended(
    managed: Managed, box: str
) -> None:
    host = managed.host
    host.docker("run", "-d", "--name", box, "--privileged", "busybox", "sleep", "1000")
    host.docker("run", "--rm", "busybox", "true")
    managed.system.run("systemctl", "daemon-reload")
    opened = host.docker("exec", box, "sh", "-c", "mknod /tmp/k c 1 11 && head -c0 /tmp/k && echo opened")
    assert opened.stdout == "opened\n"


def test_devices_stay_as_they_were_asked_for(managed: Managed, box: str) -> None:
    host = managed.host
    rule = ["--device-cgroup-rule", "c 10:229 r"]
    host.docker("run", "-d", "--name", box, *rule, "busybox", "sleep", "1000")
    host.docker("exec", box, "sh", "-c", "mknod /tmp/a c 10 229; mknod /tmp/b c 10 230")

    def allowed(path: str) -> bool:
        """Whether or not the kernel has the device."""
        return "not permitted" not in host.docker("exec", box, "head", "-c0", path, check=False).stderr

    assert (allowed("/tmp/a"), allowed("/tmp/b")) == (True, False)
    managed.system.run("systemctl", "daemon-reload")
    host.docker("update", "--pids-limit", "50", box)
    assert (allowed("/tmp/a"), allowed("/tmp/b")) == (True, False)


def test_parent_is_a_slice(managed: Managed, box: str) -> None:
    host = managed.host
    host.docker("run", "-d", "--name", box, "--cgroup-parent", "a-b.slice", "busybox", "sleep", "1000")
    shown = managed.system.properties(managed.scope(box), "Slice", "ControlGroup")
    assert shown == {"Slice": "a-b.slice", "ControlGroup": f"/a.slice/a-b.slice/{managed.scope(box)}"}
    assert host.docker("inspect", "-f", "{{.HostConfig.CgroupParent}}", box).stdout == "a-b.slice\n"


@pytest.mark.parametrize("parent", ["/corral", "nonsense", ".slice"])
def test_parent_that_is_no_slice_is_refused_in_dockers_words(managed: Managed, parent: str) -> None:
    done = managed.host.docker("create", "--cgroup-parent", parent, "busybox", check=False)
    assert done.returncode == 1
    words = 'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"'
    assert words in done.stderr


def test_failed_start_leaves_no_scope(managed: Managed, box: str) -> None:
    done = managed.host.docker("run", "--name", box, "busybox", "nonsense", check=False)
    assert done.returncode == 127
    assert managed.scopes() == []


def test_cgroups_command_shows_where_a_container_is(managed: Managed, box: str) -> None:
    managed.host.docker("run", "-d", "--name", box, "busybox", "sleep", "1000")
    shown = managed.host.corral("cgroups").stdout
    assert "driver: systemd" in shown
    assert f"/{managed.slice}/{managed.scope(box)}" in shown


def test_without_systemd_the_start_says_so(mark: str, busybox: Path) -> None:
    if Path("/run/systemd/system").is_dir():
        pytest.skip("systemd runs here")
    host = TestHost(mark, flags=["--exec-opt", "native.cgroupdriver=systemd"], cgroup_parent=f"{mark}.slice")
    try:
        host.start()
        host.import_busybox(busybox)
        done = host.docker("run", "--rm", "busybox", "true", check=False)
        assert done.returncode == 125
        assert "systemd not running on this host, cannot use systemd cgroups manager" in done.stderr
    finally:
        host.close()


def test_many_starts_leave_no_units(managed: Managed) -> None:
    before = managed.system.units("*")
    deadline = time.monotonic() + 20
    for _ in range(50):
        managed.host.docker("run", "--rm", "--network", "none", "busybox", "true")
        if time.monotonic() > deadline:
            break  # enough for a slow machine
    after = managed.system.units("*")
    assert [unit for unit in after if unit not in before and not unit.endswith(".mount")] == []
    assert json.loads(managed.host.docker("info", "--format", "{{json .ContainersRunning}}").stdout) == 0
