"""corral image prune."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.confirm import confirmed
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, FILTER
from corral.cli.session import Session
from corral.cli.units import decimal_size
from corral.client.images import Images

_DANGLING = "WARNING! This will remove all dangling images."
_UNUSED = "WARNING! This will remove all images without at least one container associated to them."


def run(session: Session, options: Options, _args: list[str]) -> int:
    everything = options.switch("all")
    if not options.switch("force") and not confirmed(_UNUSED if everything else _DANGLING):
        return 1
    filters = group(options.items("filter"))
    filters["dangling"] = ["false" if everything else "true"]
    pruned = Images(session.api).prune(filters=filters)
    removed = pruned.get("ImagesDeleted") or []
    if removed:
        session.out.line("Deleted Images:")
        for item in removed:
            if item.get("Untagged"):
                session.out.line(f"untagged: {item['Untagged']}")
            else:
                session.out.line(f"deleted: {item.get('Deleted', '')}")
        session.out.line()
    session.out.line(f"Total reclaimed space: {decimal_size(pruned.get('SpaceReclaimed', 0))}")
    return 0


COMMAND = Command(
    run,
    flags=(
        Flag("all", "a", BOOL, "Remove all unused images, not just dangling ones"),
        Flag("filter", "", FILTER, 'Provide filter values (e.g. "until=<timestamp>")'),
        Flag("force", "f", BOOL, "Do not prompt for confirmation"),
    ),
)
