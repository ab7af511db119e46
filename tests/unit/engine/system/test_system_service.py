"""Version, info and df, put together from parts that are played here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import corral
from corral.api.types.container import Config, ContainerSummary
from corral.api.types.endpoint import NetworkingConfig
from corral.api.types.host_config import HostConfig
from corral.api.types.image import ImageSummary
from corral.api.types.volume import Volume
from corral.api.types.wire import encode
from corral.engine.container.record import ContainerID, ContainerRecord, State, Status
from corral.engine.system import SystemService, SystemSettings
from corral.engine.system.machine import Machine, parse_os_release
from corral.engine.system.warnings import warnings
from corral.runtime.cgroups.support import Support
from corral.store.database import Database

SETTINGS = SystemSettings(data_root="/var/lib/corral", labels=("a=b",), log_driver="json-file")
EVERYTHING = Support(
    version=2,
    memory_limit=True,
    swap_limit=True,
    memory_reservation=True,
    memory_swappiness=False,
    oom_kill_disable=False,
    kernel_memory_tcp=False,
    cpu_shares=True,
    cpu_cfs=True,
    cpu_realtime=False,
    cpuset=True,
    pids_limit=True,
    blkio_weight=True,
    blkio_throttle=True,
    devices=True,
)
MACHINE = Machine("vm", "6.1.0", "x86_64", "Debian GNU/Linux 12", "12", 2, 1 << 30, ip_forward=True)


def record(status: Status) -> ContainerRecord:
    return ContainerRecord(
        id=ContainerID("0" * 64),
        name="x",
        created=0,
        image_id="sha256:0",
        image_ref="busybox",
        path="true",
        args=(),
        config=Config(),
        host_config=HostConfig(),
        networking=NetworkingConfig(),
        mounts=(),
        storage_driver="overlay2",
        state=State(status=status),
    )


class Containers:
    def __init__(self, *statuses: Status) -> None:
        self.statuses = statuses

    def __iter__(self) -> Iterator[ContainerRecord]:
        return map(record, self.statuses)

    async def list(
        self, all: bool, limit: int, size: bool, filters: Mapping[str, Sequence[str]]
    ) -> list[ContainerSummary]:
        assert (all, limit, size, dict(filters)) == (True, 0, True, {})
        return [ContainerSummary(id="C")]


class Images:
    driver_name = "overlay2"

    def driver_status(self) -> list[tuple[str, str]]:
        return [("Backing Filesystem", "extfs")]

    def count(self) -> int:
        return 7

    async def disk_usage(self) -> tuple[int, list[ImageSummary]]:
        return 1000, [ImageSummary(id="I")]


class Volumes:
    async def usage(self) -> tuple[Volume, ...]:
        return (Volume(name="V"),)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "db")
    yield database
    database.close()


def service(database: Database, *statuses: Status, settings: SystemSettings = SETTINGS) -> SystemService:
    containers = Containers(*statuses)
    return SystemService(database, settings, containers, containers, Images(), Volumes(), lambda: 3)


async def test_version_is_complete(database: Database) -> None:
    found = json.loads(encode(await service(database).version()))
    assert found["Version"] == corral.__version__
    assert (found["ApiVersion"], found["MinAPIVersion"], found["Os"]) == ("1.51", "1.24", "linux")
    assert found["Components"][0]["Name"] == "Engine"
    for name in ("ApiVersion", "MinAPIVersion", "Arch", "KernelVersion", "GoVersion", "Os"):
        assert found["Components"][0]["Details"][name] == found.get(name)


async def test_info_counts_containers_by_state(database: Database) -> None:
    found = await service(
        database, Status.RUNNING, Status.RESTARTING, Status.PAUSED, Status.CREATED, Status.EXITED, Status.DEAD
    ).info()
    counts = (found.containers, found.containers_running, found.containers_paused, found.containers_stopped)
    assert counts == (6, 2, 1, 3)


async def test_info_says_where_things_are(database: Database) -> None:
    found = await service(database).info()
    assert (found.images, found.driver, found.n_events_listener) == (7, "overlay2", 3)
    assert found.docker_root_dir == "/var/lib/corral"
    assert found.labels == ["a=b"]
    assert found.default_runtime in (found.runtimes or {})
    assert found.security_options == ["name=seccomp,profile=builtin", "name=cgroupns"]
    assert found.n_cpu >= 1
    assert found.mem_total > 0
    assert found.n_fd > 0
    assert found.cgroup_version in ("1", "2")


async def test_info_has_every_field_that_the_command_line_prints(database: Database) -> None:
    found = json.loads(encode(await service(database).info()))
    printed = """
        Containers ContainersRunning ContainersPaused ContainersStopped Images ServerVersion Driver DriverStatus
        LoggingDriver CgroupDriver CgroupVersion Plugins Swarm Runtimes DefaultRuntime InitBinary ContainerdCommit
        RuncCommit InitCommit SecurityOptions KernelVersion OperatingSystem OSType Architecture NCPU MemTotal Name ID
        DockerRootDir Debug ExperimentalBuild RegistryConfig LiveRestoreEnabled HttpProxy HttpsProxy NoProxy Labels
        IndexServerAddress MemoryLimit SwapLimit CpuCfsPeriod CpuCfsQuota CPUShares CPUSet PidsLimit IPv4Forwarding
        SystemTime NFd NGoroutines NEventsListener Warnings Isolation GenericResources FirewallBackend CDISpecDirs
    """
    assert set(printed.split()) - set(found) == set()


async def test_id_is_the_same_for_every_daemon_on_a_data_root(database: Database) -> None:
    first = await service(database).info()
    assert len(first.id) == 36
    assert (await service(database).info()).id == first.id


async def test_password_of_a_proxy_is_not_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@proxy:3128")
    monkeypatch.setenv("NO_PROXY", "localhost")
    found = await service(database).info()
    assert (found.http_proxy, found.no_proxy) == ("http://xxxxx:xxxxx@proxy:3128", "localhost")


async def test_disk_usage_tells_what_is_asked_for(database: Database) -> None:
    system = service(database)
    every = await system.disk_usage(frozenset({"container", "image", "volume", "build-cache"}))
    assert (every.layers_size, every.build_cache) == (1000, [])
    assert [[one.id for one in every.images or []], [one.id for one in every.containers or []]] == [["I"], ["C"]]
    assert [one.name for one in every.volumes or []] == ["V"]
    volumes = await system.disk_usage(frozenset({"volume"}))
    assert (volumes.images, volumes.containers, volumes.build_cache, volumes.layers_size) == (None, None, None, 0)


# -- warnings


def test_nothing_is_missing_on_a_complete_host() -> None:
    assert warnings(EVERYTHING, MACHINE, SETTINGS) == []


def test_missing_limits_are_named() -> None:
    poor = dataclasses.replace(EVERYTHING, swap_limit=False, cpuset=False, blkio_weight=False)
    found = warnings(poor, dataclasses.replace(MACHINE, ip_forward=False), SETTINGS)
    assert found == [
        "WARNING: No swap limit support",
        "WARNING: No cpuset support",
        "WARNING: No io.weight support",
        "WARNING: IPv4 forwarding is disabled",
    ]


def test_version_1_is_not_blamed_for_schedulers() -> None:
    v1 = dataclasses.replace(EVERYTHING, version=1, blkio_weight=False, oom_kill_disable=True)
    assert warnings(v1, MACHINE, SETTINGS) == []


def test_open_api_is_a_warning() -> None:
    settings = dataclasses.replace(SETTINGS, open_addresses=("http://0.0.0.0:2375",))
    assert "accessible on http://0.0.0.0:2375 without encryption" in warnings(EVERYTHING, MACHINE, settings)[0]


# -- the machine


def test_os_release_with_quotation_marks_and_escapes() -> None:
    text = 'NAME="Debian"\nPRETTY_NAME=\'Debian 12\'\n# no=comment\nVERSION_ID=12\nODD="a \\"b\\" \\$c"\nempty\n'
    assert parse_os_release(text) == {
        "NAME": "Debian",
        "PRETTY_NAME": "Debian 12",
        "VERSION_ID": "12",
        "ODD": 'a "b" $c',
    }


def test_architecture_has_its_other_name() -> None:
    assert MACHINE.go_architecture == "amd64"
    assert dataclasses.replace(MACHINE, architecture="mips").go_architecture == "mips"
    assert Machine.look().kernel
