"""``resume``: let the processes of a paused container go on."""

from __future__ import annotations

from typing import Final

from corral.errors import Conflict
from corral.runtime.command import container
from corral.runtime.command.arguments import Flag, Options
from corral.runtime.command.context import Context
from corral.runtime.command.single import the_id

__all__ = ["FLAGS", "USAGE", "run"]

FLAGS: Final[tuple[Flag, ...]] = ()
USAGE: Final = "ID"


def run(context: Context, options: Options) -> int:
    found = container.find(context.root, the_id(options, f"resume {USAGE}"), lock=True)
    status = found.status()
    if status not in (container.PAUSED,):
        raise Conflict(f"container not paused: {status}")
    found.cgroup().thaw()
    return 0
