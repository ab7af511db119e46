"""``delete``: what is left of a stopped container (runtime.md, "Delete"), with ``--force`` of any.

A created container, which has run nothing, is stopped first, as runc does: callers that give up between create and
start expect it.
"""

from __future__ import annotations

from typing import Final

from corral.errors import Conflict, NotFound
from corral.runtime.command import container
from corral.runtime.command.arguments import BOOL, Flag, Options
from corral.runtime.command.context import Context
from corral.runtime.command.single import the_id

__all__ = ["FLAGS", "USAGE", "remove", "run"]

FLAGS: Final = (Flag("force f", BOOL, "kill what still runs; no error when there is no such container"),)
USAGE: Final = "[--force] ID"


def run(context: Context, options: Options) -> int:
    force = options.bool("force")
    id = the_id(options, f"delete {USAGE}")
    try:
        found = container.find(context.root, id, lock=True)
    except NotFound:
        if force:
            return 0
        raise
    if found.record is None:
        from corral.runtime.command.creation import remove_leftovers

        remove_leftovers(context, found.directory)
        return 0
    status = found.status()
    if status not in (container.STOPPED, container.CREATED) and not force:
        raise Conflict(f"cannot delete container {id} that is not stopped: {status}")
    if status != container.STOPPED:
        found.kill()
    remove(context, found)
    return 0


def remove(context: Context, found: container.Container) -> None:
    """Of one that has stopped: processes that it has left in a PID namespace of others, its cgroup, its directory."""
    found.cgroup().delete()
    record = found.recorded()
    text = found.directory.read("config.json")
    if b'"intelRdt"' in text:
        from corral.runtime.command.rdt import group_of

        if (group := group_of(found)) is not None:
            group.delete()
    found.directory.remove()
    if b"poststop" in text:
        import json

        from corral.runtime.command.bundle import decode
        from corral.runtime.command.lifecycle import POSTSTOP, run_hooks

        run_hooks(context, POSTSTOP, found.id, 0, record.bundle, decode(json.loads(text)))
