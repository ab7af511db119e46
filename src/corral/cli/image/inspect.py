"""corral image inspect."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.inspect import FORMAT, finder
from corral.cli.inspecting import inspect
from corral.cli.kinds import STRING
from corral.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    return inspect(session, args, options.text("format"), finder(session, "image"))


COMMAND = Command(
    run,
    arguments="IMAGE [IMAGE...]",
    flags=(
        FORMAT,
        Flag("platform", "", STRING, "Inspect a specific platform of the multi-platform image", hidden=True),
    ),
    least=1,
    most=None,
)
