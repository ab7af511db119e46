"""corral kill."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.kinds import STRING
from corral.cli.many import each
from corral.cli.session import Session
from corral.client.containers import Containers


def run(session: Session, options: Options, args: list[str]) -> int:
    containers = Containers(session.api)
    signal = options.text("signal") or None
    return bool(each(session, args, lambda name: containers.begin_kill(name, signal=signal)))


COMMAND = Command(
    run,
    arguments="CONTAINER [CONTAINER...]",
    flags=(Flag("signal", "s", STRING, "Signal to send to the container"),),
    least=1,
    most=None,
    examples=(("Make a server read its configuration again", "corral kill -s HUP web"),),
)
