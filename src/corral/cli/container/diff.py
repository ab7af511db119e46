"""corral diff."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Options
from corral.cli.session import Session
from corral.client.containers import Containers

_KINDS = "CAD"


def run(session: Session, _options: Options, args: list[str]) -> int:
    for change in Containers(session.api).changes(args[0]):
        session.out.line(f"{_KINDS[change.get('Kind', 0)]} {change.get('Path', '')}")
    return 0


COMMAND = Command(run, arguments="CONTAINER", least=1, most=1)
