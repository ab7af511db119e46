"""``start``: let the process that ``create`` has left behind become its program (runtime.md, "Start")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from corral.errors import Conflict
from corral.runtime.command import container, door
from corral.runtime.command.arguments import Flag, Options
from corral.runtime.command.context import Context
from corral.runtime.command.listener import sender
from corral.runtime.command.parley import Parley
from corral.runtime.command.records import DOOR
from corral.runtime.command.single import the_id

if TYPE_CHECKING:
    from corral.oci.runtime import Spec

__all__ = ["FLAGS", "USAGE", "run"]

FLAGS: Final[tuple[Flag, ...]] = ()
USAGE: Final = "ID"


def run(context: Context, options: Options) -> int:
    found = container.find(context.root, the_id(options, f"start {USAGE}"), lock=True)
    record = found.recorded()
    connection = door.knock(found.directory)
    if connection is None:
        raise Conflict(_refusal(found.status()))
    with connection:
        listener = sender(lambda: _spec(found), found.id, record.pid, "created", record.bundle)
        Parley(connection, context.warning, listener=listener).go()
    found.directory.forget(DOOR)
    _poststart(context, found)
    return 0


def _refusal(status: str) -> str:
    if status == container.STOPPED:
        return "cannot start a container that has stopped"
    return f"cannot start an already {status} container"


def _poststart(context: Context, found: container.Container) -> None:
    """Only if there are any: without them nobody needs the configuration."""
    if b"poststart" not in found.directory.read("config.json"):
        return
    from corral.runtime.command.lifecycle import run_hooks

    record = found.recorded()
    run_hooks(context, "poststart", found.id, record.pid, record.bundle, _spec(found))


def _spec(found: container.Container) -> Spec:
    from corral.runtime.command.bundle import decode

    return decode(found.directory.config())
