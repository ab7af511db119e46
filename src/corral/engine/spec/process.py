"""The process: what runs, with which environment, as whom, within which limits."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Final

from corral.engine.container.record import ContainerRecord
from corral.engine.spec.input import SpecInput
from corral.engine.spec.rlimits import rlimits
from corral.oci.annotations import REAPER as REAPER_KEY
from corral.oci.runtime import ConsoleSize, Process, Spec, User

__all__ = ["environment", "exec_process", "with_command", "with_environment", "with_limits", "with_reaper", "with_user"]

PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
REAPER: Final = ("/sbin/docker-init", "--")
"""How process 1 of ``--init`` calls itself: as Docker's does."""


def with_command(given: SpecInput, spec: Spec) -> Spec:
    record = given.record
    height, width = record.host_config.console_size
    return _with_process(
        spec,
        args=(record.path, *record.args),
        cwd=record.config.working_dir or "/",
        terminal=record.config.tty,
        console_size=ConsoleSize(height, width) if record.config.tty and height and width else None,
    )


def with_reaper(given: SpecInput, spec: Spec) -> Spec:
    """``--init``, which makes sense only where the program would be process 1."""
    host_config = given.record.host_config
    if host_config.init is not True or host_config.pid_mode:
        return spec
    shown = json.dumps([*REAPER, *spec.process.args])
    return dataclasses.replace(spec, annotations={**spec.annotations, REAPER_KEY: shown})


def with_environment(given: SpecInput, spec: Spec) -> Spec:
    return _with_process(spec, env=environment(given.record, given.record.config.tty))


def environment(record: ContainerRecord, tty: bool, more: Iterable[str] = ()) -> tuple[str, ...]:
    """What every process of the container starts with, then what it was configured with; later entries replace.

    HOME depends on the user inside and is init's to add.
    """
    base = [PATH, f"HOSTNAME={record.config.hostname}"]
    if tty:
        base.append("TERM=xterm")
    return replace_env(base, (*(record.config.env or ()), *more))


def replace_env(base: Iterable[str], changes: Iterable[str]) -> tuple[str, ...]:
    """``NAME=value`` sets in place or at the end; ``NAME`` alone removes."""
    result: dict[str, str] = {entry.partition("=")[0]: entry for entry in base}
    for entry in changes:
        name, assigned, _ = entry.partition("=")
        if assigned:
            result[name] = entry
        else:
            result.pop(name, None)
    return tuple(result.values())


def with_user(given: SpecInput, spec: Spec) -> Spec:
    return _with_process(
        spec,
        user=User(username=given.record.config.user),
        additional_groups=tuple(given.record.host_config.group_add or ()),
    )


def with_limits(given: SpecInput, spec: Spec) -> Spec:
    host_config = given.record.host_config
    return _with_process(
        spec,
        rlimits=rlimits(given.settings.default_ulimits, host_config.ulimits or ()),
        oom_score_adj=host_config.oom_score_adj,
    )


def exec_process(
    record: ContainerRecord,
    base: Process,
    *,
    args: tuple[str, ...],
    env: Iterable[str],
    cwd: str,
    user: str,
    tty: bool,
) -> Process:
    """A further process beside the first, ``base``: the same limits and privileges, its own command, user and env."""
    return dataclasses.replace(
        base,
        args=args,
        env=environment(record, tty, env),
        cwd=cwd or base.cwd,
        user=User(username=user) if user else base.user,
        additional_groups=() if user else base.additional_groups,
        terminal=tty,
        console_size=None,
    )


def _with_process(spec: Spec, **changes: object) -> Spec:
    return dataclasses.replace(spec, process=dataclasses.replace(spec.process, **changes))  # type: ignore[arg-type]
