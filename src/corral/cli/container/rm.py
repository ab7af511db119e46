"""corral rm."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL
from corral.cli.many import each
from corral.cli.session import Session
from corral.client.containers import Containers


def run(session: Session, options: Options, args: list[str]) -> int:
    containers = Containers(session.api)
    force, volumes, link = (options.switch(name) for name in ("force", "volumes", "link"))
    names = [name.strip("/") for name in args]
    failed = each(session, names, lambda name: containers.begin_remove(name, force=force, volumes=volumes, link=link))
    return bool(failed)


COMMAND = Command(
    run,
    arguments="CONTAINER [CONTAINER...]",
    flags=(
        Flag("force", "f", BOOL, "Force the removal of a running container (uses SIGKILL)"),
        Flag("link", "l", BOOL, "Remove the specified link"),
        Flag("volumes", "v", BOOL, "Remove anonymous volumes associated with the container"),
    ),
    least=1,
    most=None,
    examples=(("Everything, running or not", "corral rm -f $(corral ps -aq)"),),
)
