"""corral container prune."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.filters import group
from corral.cli.flags import Options
from corral.cli.pruning import agreed, flags, report
from corral.cli.session import Session
from corral.client.containers import Containers


def run(session: Session, options: Options, _args: list[str]) -> int:
    if not agreed(options, "all stopped containers"):
        return 1
    pruned = Containers(session.api).prune(filters=group(options.items("filter")))
    removed = pruned.get("ContainersDeleted") or []
    report(session.out, "Deleted Containers:", removed, pruned.get("SpaceReclaimed", 0))
    return 0


COMMAND = Command(run, flags=flags("until=<timestamp>"))
