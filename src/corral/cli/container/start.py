"""corral start."""

from __future__ import annotations

import contextlib

from corral.cli.command import Command
from corral.cli.container.attached import attached
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, STRING
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.containers import Containers
from corral.client.errors import ClientError


def run(session: Session, options: Options, args: list[str]) -> int:
    containers = Containers(session.api)
    if options.switch("attach") or options.switch("interactive"):
        if len(args) > 1:
            raise CliError("you cannot start and attach multiple containers at once")
        return _attach(session, options, containers, args[0])
    for name in ("checkpoint", "checkpoint-dir"):
        if options.text(name):
            raise CliError(f"--{name}: checkpoints are not supported")
    failed: list[str] = []
    for name, pending in [(name, containers.begin_start(name)) for name in args]:
        try:
            pending.finish()
        except ClientError as error:
            session.out.flush()
            error_line(str(error))
            failed.append(name)
            continue
        session.out.line(name)
    if failed:
        session.out.flush()
        raise CliError(f"Error: failed to start containers: {', '.join(failed)}")
    return 0


def _attach(session: Session, options: Options, containers: Containers, name: str) -> int:
    container = containers.inspect(name)
    config = container.get("Config", {})
    condition = "removed" if container.get("HostConfig", {}).get("AutoRemove") else "next-exit"

    def start() -> None:
        containers.start(container.get("Id", name))

    with contextlib.suppress(BrokenPipeError):
        return attached(
            session,
            containers,
            container.get("Id", name),
            streams=frozenset(
                ("stdout", "stderr", "stdin")
                if options.switch("interactive") and config.get("OpenStdin")
                else ("stdout", "stderr")
            ),
            tty=bool(config.get("Tty")),
            keys=options.text("detach-keys"),
            proxy=True,
            condition=condition,
            start=start,
        )
    return 0


COMMAND = Command(
    run,
    arguments="CONTAINER [CONTAINER...]",
    flags=(
        Flag("attach", "a", BOOL, "Attach STDOUT/STDERR and forward signals"),
        Flag("checkpoint", "", STRING, "Restore from this checkpoint", hidden=True),
        Flag("checkpoint-dir", "", STRING, "Use a custom checkpoint storage directory", hidden=True),
        Flag("detach-keys", "", STRING, "Override the key sequence for detaching a container"),
        Flag("interactive", "i", BOOL, "Attach container's STDIN"),
    ),
    least=1,
    most=None,
)
