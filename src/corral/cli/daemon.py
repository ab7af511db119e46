"""corral daemon: becomes corrald, with its flags."""

from __future__ import annotations

import os

from corral.cli.autostart import daemon_command
from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Options
from corral.cli.session import Session


def run(session: Session, _options: Options, args: list[str]) -> int:
    command = daemon_command()
    given = ["--debug"] if session.debug else []
    for host in session.options.items("host"):
        given += ["--host", host]
    try:
        os.execv(command[0], [*command, *given, *args])  # noqa: S606 - a list, no shell
    except OSError as error:
        raise CliError(f"cannot start {command[0]}: {error.strerror}") from None


COMMAND = Command(
    run,
    arguments="[OPTIONS]",
    most=None,
    passes_flags=True,
    note="All options are corrald's: see 'corrald --help'.",
    examples=(("In the foreground, with another data root", "corral daemon --data-root /srv/corral"),),
)
