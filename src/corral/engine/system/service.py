"""The answers to ``docker version``, ``docker info`` and ``docker system df``."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import corral
from corral.api.types.container import ContainerSummary
from corral.api.types.image import ImageSummary
from corral.api.types.system import (
    Component,
    DeviceInfo,
    DiskUsage,
    FirewallInfo,
    PlatformName,
    PluginsInfo,
    Runtime,
    SystemInfo,
    Version,
)
from corral.api.types.volume import Volume
from corral.api.types.wire import UNSET
from corral.engine.cdi.registry import Catalogue, Registry
from corral.engine.container.record import ContainerRecord, Status
from corral.engine.logger.entry import format_time
from corral.engine.system.identity import engine_id
from corral.engine.system.machine import Machine
from corral.engine.system.registries import registry_config, shown_proxy
from corral.engine.system.settings import SystemSettings
from corral.engine.system.warnings import warnings
from corral.runtime.cgroups.hierarchies import Hierarchies
from corral.runtime.cgroups.support import Support, probe
from corral.runtime.driver import RuntimeBinary
from corral.store.database import Database

__all__ = ["Containers", "Images", "Records", "SystemService", "Volumes"]

_INDEX = "https://index.docker.io/v1/"


class Records(Protocol):
    """Of all containers."""

    def __iter__(self) -> Iterator[ContainerRecord]: ...


class Containers(Protocol):
    async def list(
        self, all: bool, limit: int, size: bool, filters: Mapping[str, Sequence[str]]
    ) -> Sequence[ContainerSummary]: ...


class Images(Protocol):
    @property
    def driver_name(self) -> str: ...
    def driver_status(self) -> Sequence[tuple[str, str]]: ...
    def count(self) -> int: ...
    async def disk_usage(self) -> tuple[int, Sequence[ImageSummary]]: ...


class Volumes(Protocol):
    async def usage(self) -> Sequence[Volume]: ...


class SystemService:
    """``listeners``: how many are listening to events. ``settings`` may be replaced at any time."""

    def __init__(
        self,
        database: Database,
        settings: SystemSettings,
        records: Records,
        containers: Containers,
        images: Images,
        volumes: Volumes,
        listeners: Callable[[], int],
        devices: Registry | None = None,
    ) -> None:
        self.settings = settings
        self._id = engine_id(database)
        self._records = records
        self._containers = containers
        self._images = images
        self._volumes = volumes
        self._listeners = listeners
        self._devices = devices or Registry()
        self._installed = format_time(os.stat(corral.__file__).st_mtime_ns)
        self._support: Support = probe(Hierarchies.of_host())

    async def version(self) -> Version:
        settings, machine = self.settings, Machine.look()
        python = f"python{platform.python_version()}"
        details = {
            "ApiVersion": settings.api_version,
            "Arch": machine.go_architecture,
            "BuildTime": self._installed,
            "Experimental": "false",
            "GitCommit": "",
            "GoVersion": python,
            "KernelVersion": machine.kernel,
            "MinAPIVersion": settings.min_api_version,
            "Os": "linux",
        }
        return Version(
            platform=PlatformName(name="corral"),
            components=[Component(name="Engine", version=corral.__version__, details=details)],
            version=corral.__version__,
            api_version=settings.api_version,
            min_api_version=settings.min_api_version,
            go_version=python,
            os="linux",
            arch=machine.go_architecture,
            kernel_version=machine.kernel,
            build_time=self._installed,
        )

    async def info(self) -> SystemInfo:
        settings, support, machine = self.settings, self._support, Machine.look()
        running, paused, stopped = _count(self._records)
        catalogue = self._devices.catalogue()
        return SystemInfo(
            id=self._id,
            containers=running + paused + stopped,
            containers_running=running,
            containers_paused=paused,
            containers_stopped=stopped,
            images=self._images.count(),
            driver=self._images.driver_name,
            driver_status=list(self._images.driver_status()),
            plugins=PluginsInfo(
                volume=list(settings.volume_drivers),
                network=list(settings.network_drivers),
                log=list(settings.log_drivers),
            ),
            memory_limit=support.memory_limit,
            swap_limit=support.swap_limit,
            kernel_memory_tcp=support.kernel_memory_tcp,
            cpu_cfs_period=support.cpu_cfs,
            cpu_cfs_quota=support.cpu_cfs,
            cpu_shares=support.cpu_shares,
            cpu_set=support.cpuset,
            pids_limit=support.pids_limit,
            oom_kill_disable=support.oom_kill_disable,
            ipv4_forwarding=machine.ip_forward,
            debug=settings.debug,
            n_fd=len(os.listdir("/proc/self/fd")),
            n_goroutines=len(asyncio.all_tasks()),
            system_time=format_time(time.time_ns()),
            logging_driver=settings.log_driver,
            cgroup_driver=settings.cgroup_driver if support.version else "none",
            cgroup_version=str(support.version or 1),
            n_events_listener=self._listeners(),
            kernel_version=machine.kernel,
            operating_system=machine.operating_system,
            os_version=machine.os_version,
            os_type="linux",
            architecture=machine.architecture,
            index_server_address=_INDEX,
            registry_config=registry_config(settings.registry_mirrors, settings.insecure_registries),
            n_cpu=machine.cpus,
            mem_total=machine.memory,
            docker_root_dir=settings.data_root,
            http_proxy=shown_proxy(settings.proxies[0], "HTTP_PROXY"),
            https_proxy=shown_proxy(settings.proxies[1], "HTTPS_PROXY"),
            no_proxy=shown_proxy(settings.proxies[2], "NO_PROXY"),
            name=machine.hostname,
            labels=list(settings.labels),
            server_version=corral.__version__,
            runtimes={name: _runtime(name, binary) for name, binary in settings.runtimes.items()},
            default_runtime=settings.default_runtime,
            live_restore_enabled=settings.live_restore,
            init_binary="corral-init",
            security_options=_security_options(settings),
            firewall_backend=FirewallInfo(driver=settings.firewall),
            cdi_spec_dirs=list(self._devices.directories),
            discovered_devices=[DeviceInfo(source="cdi", id=name) for name in catalogue.devices] or UNSET,
            warnings=[*warnings(support, machine, settings), *_invalid(catalogue)] or None,
        )

    async def disk_usage(self, kinds: frozenset[str]) -> DiskUsage:
        """Only of ``kinds``: container, image, volume, build-cache. What is not asked for is null."""
        usage = DiskUsage(build_cache=[] if "build-cache" in kinds else None)
        if "image" in kinds:
            usage.layers_size, images = await self._images.disk_usage()
            usage.images = list(images)
        if "container" in kinds:
            usage.containers = list(await self._containers.list(True, 0, True, {}))
        if "volume" in kinds:
            usage.volumes = list(await self._volumes.usage())
        return usage


def _invalid(catalogue: Catalogue) -> list[str]:
    """Specifications of devices that cannot be used."""
    return [f"CDI: Error associated with spec file {path}: {error}" for path, error in catalogue.errors.items()]


def _count(records: Records) -> tuple[int, int, int]:
    """Running, paused, stopped."""
    running = paused = stopped = 0
    for record in records:
        if record.status is Status.PAUSED:
            paused += 1
        elif record.status.is_up:
            running += 1
        else:
            stopped += 1
    return running, paused, stopped


def _runtime(name: str, binary: RuntimeBinary | None) -> Runtime:
    if binary is None:
        return Runtime(path=name)
    return Runtime(path=binary.path, runtime_args=list(binary.args) or None)


def _security_options(settings: SystemSettings) -> list[str]:
    profile = settings.seccomp_profile or "builtin"
    options = [f"name={module}" for module in settings.security_modules if module == "apparmor"]
    options.append(f"name=seccomp,profile={profile}")
    options += [f"name={module}" for module in settings.security_modules if module == "selinux"]
    if settings.private_cgroupns:
        options.append("name=cgroupns")
    if settings.remapped:
        options.append("name=userns")
    return options
