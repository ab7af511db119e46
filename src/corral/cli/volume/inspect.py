"""corral volume inspect."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Options
from corral.cli.inspect import FORMAT, finder
from corral.cli.inspecting import inspect
from corral.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    return inspect(session, args, options.text("format"), finder(session, "volume"))


COMMAND = Command(run, arguments="VOLUME [VOLUME...]", flags=(FORMAT,), least=1, most=None)
