"""corral network inspect."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.inspect import FORMAT, finder
from corral.cli.inspecting import inspect
from corral.cli.kinds import BOOL
from corral.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    find = finder(session, "network", verbose=options.switch("verbose"))
    return inspect(session, args, options.text("format"), find)


COMMAND = Command(
    run,
    arguments="NETWORK [NETWORK...]",
    flags=(FORMAT, Flag("verbose", "v", BOOL, "Verbose output for diagnostics")),
    least=1,
    most=None,
)
