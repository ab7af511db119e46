"""corral unpause."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Options
from corral.cli.many import each
from corral.cli.session import Session
from corral.client.containers import Containers


def run(session: Session, _options: Options, args: list[str]) -> int:
    return bool(each(session, args, Containers(session.api).begin_unpause))


COMMAND = Command(run, arguments="CONTAINER [CONTAINER...]", least=1, most=None)
