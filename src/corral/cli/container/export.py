"""corral export."""

from __future__ import annotations

import os

from corral.cli.command import Command
from corral.cli.download import check_output, write_blocks
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import STRING
from corral.cli.session import Session
from corral.client.containers import Containers


def run(session: Session, options: Options, args: list[str]) -> int:
    path = options.text("output")
    if not path and os.isatty(1):
        raise CliError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    if path:
        check_output("failed to export container", path)
    write_blocks(Containers(session.api).export(args[0]), path)
    return 0


COMMAND = Command(
    run,
    arguments="CONTAINER",
    flags=(Flag("output", "o", STRING, "Write to a file, instead of STDOUT"),),
    least=1,
    most=1,
)
