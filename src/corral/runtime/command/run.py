"""``run``: create and start at once, stay until it ends, and delete it; or with ``--detach`` leave it running."""

from __future__ import annotations

import os
from typing import Final

from corral.runtime.command import bundle as bundles
from corral.runtime.command import console
from corral.runtime.command.arguments import BOOL, Flag, Options
from corral.runtime.command.container import Container
from corral.runtime.command.context import Context
from corral.runtime.command.creation import FLAGS as CREATION
from corral.runtime.command.creation import Birth, write_pid_file
from corral.runtime.command.foreground import Foreground
from corral.runtime.command.interpreter import needs_trampoline
from corral.runtime.command.lifecycle import POSTSTART, run_hooks
from corral.runtime.command.single import the_id

__all__ = ["FLAGS", "USAGE", "run"]

FLAGS: Final = (
    *CREATION,
    Flag("detach d", BOOL, "leave it running"),
    Flag("keep", BOOL, "do not delete it when it has ended"),
    Flag("no-subreaper", BOOL, "accepted: orphans are not reaped here"),
)
USAGE: Final = "[flags] ID"


def run(context: Context, options: Options) -> int:
    id = the_id(options, f"run {USAGE}")
    bundle = bundles.read(options.text("bundle"))
    trampoline = needs_trampoline(bundle.spec)
    detached = options.bool("detach")
    foreground = None if detached else Foreground()
    send = console.sender(options.text("console-socket")) or (foreground.console if foreground else None)
    with Birth(context, options, id, bundle, trampoline=trampoline) as birth:
        console.check(options, terminal=birth.spec.process.terminal, detached=detached)
        birth.record(pending=True)
        birth.parley(send).go()
        write_pid_file(options.text("pid-file"), birth.child.pid)  # now: who knows it may enter its PID namespace
        birth.record(pending=False)
        birth.keep()
    child, directory = birth.child, birth.directory
    run_hooks(context, POSTSTART, id, child.pid, birth.bundle.path, birth.spec)
    if foreground is None:
        return 0
    directory.unlock()
    code = foreground.stay(child.pid, child.pidfd)
    if not options.bool("keep"):
        _delete(context, Container(directory, directory.record()))
    return code


def _delete(context: Context, ended: Container) -> None:
    """Unless somebody else was quicker."""
    from corral.runtime.command.delete import remove

    ended.directory.lock()
    if os.fstat(ended.directory.fd).st_nlink and ended.record is not None:
        remove(context, ended)
