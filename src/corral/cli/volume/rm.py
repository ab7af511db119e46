"""corral volume rm."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.errors import ClientError
from corral.client.volumes import Volumes


def run(session: Session, options: Options, args: list[str]) -> int:
    volumes = Volumes(session.api)
    errors: list[str] = []
    for name in args:
        try:
            volumes.remove(name, force=options.switch("force"))
        except ClientError as error:
            errors.append(str(error))
            continue
        session.out.line(name)
    session.out.flush()
    for line in errors:
        error_line(line)
    return bool(errors)


COMMAND = Command(
    run,
    arguments="VOLUME [VOLUME...]",
    flags=(Flag("force", "f", BOOL, "Force the removal of one or more volumes"),),
    least=1,
    most=None,
)
