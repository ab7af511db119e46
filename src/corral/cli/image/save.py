"""corral save."""

from __future__ import annotations

import os

from corral.cli.command import Command
from corral.cli.download import check_output, write_blocks
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import STRING
from corral.cli.session import Session
from corral.client.images import Images


def run(session: Session, options: Options, args: list[str]) -> int:
    path = options.text("output")
    if not path and os.isatty(1):
        raise CliError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    if path:
        check_output("failed to save image", path)
    write_blocks(Images(session.api).save(args, platform=options.text("platform") or None), path)
    return 0


COMMAND = Command(
    run,
    arguments="IMAGE [IMAGE...]",
    flags=(
        Flag("output", "o", STRING, "Write to a file, instead of STDOUT"),
        Flag(
            "platform", "", STRING,
            'Save only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
        ),
    ),
    least=1,
    most=None,
)  # fmt: skip
