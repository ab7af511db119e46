"""corral registry htpasswd."""

from __future__ import annotations

import sys

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Options
from corral.cli.session import Session


def run(session: Session, _options: Options, args: list[str]) -> int:
    from corral.registry.auth.htpasswd import new_line

    if sys.stdin.isatty():
        from getpass import getpass

        password = getpass("Password: ")
        if getpass("Again: ") != password:
            raise CliError("the passwords differ")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    session.out.line(new_line(args[0], password))
    return 0


COMMAND = Command(
    run,
    arguments="USER",
    least=1,
    most=1,
    note="Reads the password from standard input and prints a line for the file of --htpasswd.",
    examples=(("Add a user", "corral registry htpasswd alice >> users"),),
)
