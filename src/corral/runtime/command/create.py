"""``create``: everything but the program (runtime.md, "Create")."""

from __future__ import annotations

from typing import Final

from corral.runtime.command import bundle as bundles
from corral.runtime.command import console, door
from corral.runtime.command.arguments import Options
from corral.runtime.command.context import Context
from corral.runtime.command.creation import FLAGS, Birth, write_pid_file
from corral.runtime.command.single import the_id

__all__ = ["FLAGS", "USAGE", "run"]

USAGE: Final = "[flags] ID"


def run(context: Context, options: Options) -> int:
    id = the_id(options, f"create {USAGE}")
    send = console.sender(options.text("console-socket"))
    with Birth(context, options, id, bundles.read(options.text("bundle"))) as birth:
        console.check(options, terminal=birth.spec.process.terminal, detached=True)
        parley = birth.parley(send)
        parley.until_ready()
        with door.make(birth.directory) as entrance:
            birth.record(pending=False)
            write_pid_file(options.text("pid-file"), birth.child.pid)
            parley.leave(entrance)
        birth.keep()
    return 0
