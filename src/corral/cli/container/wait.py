"""corral wait."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.container.exit import exit_code
from corral.cli.errors import CliError
from corral.cli.flags import Options
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.containers import Containers
from corral.client.errors import ClientError


def run(session: Session, _options: Options, args: list[str]) -> int:
    containers = Containers(session.api)
    errors: list[str] = []
    for pending in [containers.begin_wait(name) for name in args]:
        try:
            session.out.line(str(exit_code(session.api, pending.head())))
        except (ClientError, CliError) as error:
            errors.append(str(error))
        session.out.flush()
    for line in errors:
        error_line(line)
    return bool(errors)


COMMAND = Command(run, arguments="CONTAINER [CONTAINER...]", least=1, most=None)
