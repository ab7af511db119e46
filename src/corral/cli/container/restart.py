"""corral restart."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.container.stop import STOP_FLAGS, stop_arguments
from corral.cli.flags import Options
from corral.cli.many import each
from corral.cli.session import Session
from corral.client.containers import Containers


def run(session: Session, options: Options, args: list[str]) -> int:
    containers = Containers(session.api)
    timeout, signal = stop_arguments(options)
    return bool(each(session, args, lambda name: containers.begin_restart(name, timeout=timeout, signal=signal)))


COMMAND = Command(run, arguments="CONTAINER [CONTAINER...]", flags=STOP_FLAGS, least=1, most=None)
