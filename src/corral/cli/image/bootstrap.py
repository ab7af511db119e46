"""corral image bootstrap."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL
from corral.cli.progress import raise_error, show
from corral.cli.session import Session
from corral.client.images import Images


def run(session: Session, options: Options, args: list[str]) -> int:
    messages = Images(session.api).bootstrap(args[0])
    if options.switch("quiet"):
        for message in messages:
            raise_error(message)
    else:
        show(messages)
    return 0


COMMAND = Command(
    run,
    arguments="NAME[:TAG]",
    flags=(Flag("quiet", "q", BOOL, "Suppress the progress output"),),
    least=1,
    most=1,
    note=(
        "The image is made on the daemon's machine from Debian packages: busybox in a second,\n"
        "debian:SUITE through the machine's own apt mirrors in about half a minute."
    ),
    examples=(
        ("A small image for first steps", "corral image bootstrap busybox"),
        ("Debian 12", "corral image bootstrap debian:bookworm"),
    ),
)
