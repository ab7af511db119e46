"""corral rename."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Options
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.containers import Containers
from corral.client.errors import ClientError


def run(session: Session, _options: Options, args: list[str]) -> int:
    old, new = (name.strip() for name in args)
    if not old or not new:
        raise CliError("Error: Neither old nor new names may be empty")
    try:
        Containers(session.api).rename(old, new)
    except ClientError as error:
        error_line(str(error))
        raise CliError(f"Error: failed to rename container named {old}") from None
    return 0


COMMAND = Command(run, arguments="CONTAINER NEW_NAME", least=2, most=2)
