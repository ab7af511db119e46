"""corral container inspect."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.inspect import FORMAT, finder
from corral.cli.inspecting import inspect
from corral.cli.kinds import BOOL
from corral.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    find = finder(session, "container", size=options.switch("size"))
    return inspect(session, args, options.text("format"), find)


COMMAND = Command(
    run,
    arguments="CONTAINER [CONTAINER...]",
    flags=(FORMAT, Flag("size", "s", BOOL, "Display total file sizes")),
    least=1,
    most=None,
)
