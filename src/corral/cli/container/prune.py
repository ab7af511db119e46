"""corral container prune."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.confirm import confirmed
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, FILTER
from corral.cli.session import Session
from corral.cli.units import decimal_size
from corral.client.containers import Containers

PRUNE_FLAGS = (
    Flag("filter", "", FILTER, 'Provide filter values (e.g. "until=<timestamp>")'),
    Flag("force", "f", BOOL, "Do not prompt for confirmation"),
)


def run(session: Session, options: Options, _args: list[str]) -> int:
    if not options.switch("force") and not confirmed("WARNING! This will remove all stopped containers."):
        return 1
    pruned = Containers(session.api).prune(filters=group(options.items("filter")))
    removed = pruned.get("ContainersDeleted") or []
    if removed:
        session.out.line("Deleted Containers:")
        for container_id in removed:
            session.out.line(container_id)
        session.out.line()
    session.out.line(f"Total reclaimed space: {decimal_size(pruned.get('SpaceReclaimed', 0))}")
    return 0


COMMAND = Command(run, flags=PRUNE_FLAGS)
