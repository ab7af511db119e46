"""corral load."""

from __future__ import annotations

import os
import stat

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.image.upload import Upload, open_archive
from corral.cli.kinds import BOOL, STRING
from corral.cli.output import write_all
from corral.cli.progress import show
from corral.cli.session import Session
from corral.client.images import Images


def run(session: Session, options: Options, _args: list[str]) -> int:
    path = options.text("input")
    fd = open_archive(path) if path else _stdin()
    quiet = options.switch("quiet") or not os.isatty(1)
    images = Images(session.api)
    with Upload(fd, "Loading archive", bar=not quiet) as upload:
        response = images.load(upload.blocks(), quiet=quiet, platform=options.text("platform") or None)
    if response.headers.get("content-type", "") == "application/json":
        show(images.progress(response))
    else:
        for block in response.blocks():
            write_all(1, block)
    return 0


def _stdin() -> int:
    """A terminal has no archive, and neither has nothing at all."""
    if os.isatty(0):
        raise CliError("requested load from stdin, but stdin is empty")
    mode = os.fstat(0).st_mode
    if stat.S_ISREG(mode) and os.fstat(0).st_size == 0:
        raise CliError("requested load from stdin, but stdin is empty")
    return 0


COMMAND = Command(
    run,
    flags=(
        Flag("input", "i", STRING, "Read from tar archive file, instead of STDIN"),
        Flag(
            "platform", "", STRING,
            'Load only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
        ),
        Flag("quiet", "q", BOOL, "Suppress the load output"),
    ),
)  # fmt: skip
