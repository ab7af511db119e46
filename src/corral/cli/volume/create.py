"""corral volume create."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import LIST, STRING
from corral.cli.opts.env import mapping
from corral.cli.session import Session
from corral.client.volumes import Volumes


def run(session: Session, options: Options, args: list[str]) -> int:
    name = options.text("name")
    if args:
        if name:
            raise CliError(
                "conflicting options: cannot specify a volume-name through both --name and as a positional arg"
            )
        name = args[0]
    volume = Volumes(session.api).create(
        name,
        driver=options.text("driver"),
        options=mapping(options.items("opt")),
        labels=mapping(options.items("label")),
    )
    session.out.line(volume.get("Name", ""))
    return 0


COMMAND = Command(
    run,
    arguments="[VOLUME]",
    flags=(
        Flag("driver", "d", STRING, "Specify volume driver name", default="local", shown='"local"'),
        Flag("label", "", LIST, "Set metadata for a volume"),
        Flag("name", "", STRING, "Specify volume name", hidden=True),
        Flag("opt", "o", LIST, "Set driver specific options"),
    ),
    most=1,
)
