"""corral update."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.container.create_flags import RESOURCES
from corral.cli.container.request import resources
from corral.cli.errors import CliError, UsageError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import STRING
from corral.cli.opts.restart import restart_policy
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.containers import Containers
from corral.client.errors import ClientError

_UPDATABLE = (
    "blkio-weight", "cpu-period", "cpu-quota", "cpu-rt-period", "cpu-rt-runtime", "cpu-shares", "cpus", "cpuset-cpus",
    "cpuset-mems", "memory", "memory-reservation", "memory-swap", "pids-limit",
    # Beyond Docker:
    "blkio-weight-device", "device-read-bps", "device-read-iops", "device-write-bps", "device-write-iops",
    "memory-swappiness", "oom-kill-disable",
)  # fmt: skip


def run(session: Session, options: Options, args: list[str]) -> int:
    if not options.changed:
        raise CliError("you must provide one or more flags when using this command")
    request = resources(options)
    if "restart" in options.changed:
        try:
            request["RestartPolicy"] = restart_policy(options.text("restart"))
        except UsageError as error:
            raise CliError(str(error)) from None
    containers = Containers(session.api)
    errors: list[str] = []
    for name in args:
        try:
            answer = containers.update(name, request)
        except ClientError as error:
            errors.append(str(error))
            continue
        session.out.line(name)
        session.out.flush()
        for warning in answer.get("Warnings") or []:
            error_line(warning)
    for line in errors:
        error_line(line)
    return bool(errors)


COMMAND = Command(
    run,
    arguments="CONTAINER [CONTAINER...]",
    flags=(
        *(flag for flag in RESOURCES if flag.name in _UPDATABLE),
        Flag("restart", "", STRING, "Restart policy to apply when a container exits"),
    ),
    least=1,
    most=None,
    examples=(("More memory for a running container", "corral update -m 512m --memory-swap 512m web"),),
)
