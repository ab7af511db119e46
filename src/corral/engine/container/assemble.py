"""From a record to what the runtime is asked to run: the spec with everything that it needs from the host."""

from __future__ import annotations

from typing import Final

from corral.engine.cdi.request import edits_of
from corral.engine.container import security_options
from corral.engine.container.context import Engine
from corral.engine.container.joins import Joins
from corral.engine.container.logfile import log_file
from corral.engine.container.record import ContainerRecord
from corral.engine.spec.build import PROCESS_STEPS, build
from corral.engine.spec.devices import host_devices
from corral.engine.spec.input import SpecInput
from corral.engine.spec.resources import block_devices
from corral.errors import Invalid
from corral.network.sandbox import Sandbox
from corral.oci.runtime import ConsoleSize, Mount, Process, Spec
from corral.runtime.driver import RuntimeBinary, Stdio
from corral.runtime.security import capabilities

__all__ = ["make_spec", "process_of", "runtime_of", "stdio_of"]

UNCONFINED: Final = "unconfined"


def make_spec(
    engine: Engine,
    record: ContainerRecord,
    *,
    sandbox: Sandbox | None,
    joins: Joins,
    mounts: tuple[Mount, ...],
    etc: dict[str, str],
    shm: str,
) -> Spec:
    """Raises Invalid for what cannot be (a device that is not there, a foreign sysctl), Internal for a device by name
    that is not there."""
    host_config = record.host_config
    namespaces = dict(joins.namespaces)
    if sandbox is not None and sandbox.netns is not None:
        namespaces["network"] = str(sandbox.netns)
    if sandbox is not None and sandbox.userns is not None and "user" not in namespaces:
        namespaces["user"] = str(sandbox.userns)
    granted = _capabilities(record)
    security = security_options.parse(host_config.security_opt or ())
    profile = _profile(engine, record, security.seccomp)
    external = runtime_of(engine, record) is not None
    return build(
        SpecInput(
            record=record,
            host=engine.host,
            settings=engine.settings,
            security=security,
            capabilities=granted,
            namespaces=namespaces,
            mounts=mounts,
            etc=etc,
            shm=shm,
            devices=host_devices(host_config),
            named_devices=edits_of(host_config.device_requests, engine.devices),
            block_devices=block_devices(host_config),
            seccomp={} if external or profile == UNCONFINED else engine.filters.annotations(profile, granted),
            seccomp_description=(
                engine.filters.description(profile, granted) if external and profile != UNCONFINED else None
            ),
        )
    )


def process_of(engine: Engine, record: ContainerRecord, *, privileged: bool) -> Process:
    """What a further process in the container starts from: the first one's environment, user, limits and privileges."""
    given = SpecInput(
        record=record,
        host=engine.host,
        settings=engine.settings,
        security=security_options.parse(record.host_config.security_opt or ()),
        capabilities=capabilities.resolve((), (), privileged=True) if privileged else _capabilities(record),
    )
    return build(given, PROCESS_STEPS).process


def runtime_of(engine: Engine, record: ContainerRecord) -> RuntimeBinary | None:
    """None: the engine's own. Raises Invalid for one that is not configured any more."""
    name = record.host_config.runtime
    if not name:  # of a record that is older than the choice
        return None
    try:
        return engine.settings.runtimes[name]
    except KeyError:
        raise Invalid(f"unknown or invalid runtime name: {name}") from None


def stdio_of(engine: Engine, record: ContainerRecord) -> Stdio:
    config, host_config = record.config, record.host_config
    height, width = host_config.console_size
    return Stdio(
        terminal=config.tty,
        open_stdin=config.open_stdin,
        stdin_once=config.stdin_once,
        log=log_file(host_config.log_config, str(engine.data.container_log(record.id))),
        console_size=ConsoleSize(height, width) if height and width else None,
    )


def _capabilities(record: ContainerRecord) -> tuple[str, ...]:
    given = record.host_config
    return capabilities.resolve(given.cap_add or (), given.cap_drop or (), privileged=given.privileged)


def _profile(engine: Engine, record: ContainerRecord, profile: str | None) -> str | None:
    """The text of the system call filter's profile, UNCONFINED, or None for the engine's default."""
    if profile == security_options.BUILTIN:
        return None
    if profile is not None:
        return profile
    return UNCONFINED if record.host_config.privileged else engine.settings.seccomp_profile or None
