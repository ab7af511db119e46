"""corral save."""

from __future__ import annotations

import os
import tempfile

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import STRING
from corral.cli.output import write_all
from corral.cli.session import Session
from corral.client.images import Images


def run(session: Session, options: Options, args: list[str]) -> int:
    path = options.text("output")
    if not path and os.isatty(1):
        raise CliError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    if path:
        _check(path)
    response = Images(session.api).save(args, platform=options.text("platform") or None)
    if not path:
        for block in response.blocks():
            write_all(1, block)
        return 0
    # Only a complete archive gets the name.
    directory, name = os.path.split(os.path.abspath(path))
    fd, scratch = tempfile.mkstemp(prefix=f".tmp-{name}", dir=directory)
    try:
        for block in response.blocks():
            write_all(fd, block)
        os.rename(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise
    finally:
        os.close(fd)
    return 0


def _check(path: str) -> None:
    directory = os.path.dirname(path) or "."
    if not os.path.isdir(directory):
        raise CliError(f"failed to save image: invalid output path: stat {directory}: no such file or directory")
    if os.path.isdir(path):
        raise CliError("failed to save image: cannot write to a directory")


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
