"""corral image prune."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL
from corral.cli.pruning import agreed, flags, report
from corral.cli.session import Session
from corral.client.images import Images


def run(session: Session, options: Options, _args: list[str]) -> int:
    everything = options.switch("all")
    unused = "all images without at least one container associated to them"
    if not agreed(options, unused if everything else "all dangling images"):
        return 1
    filters = group(options.items("filter"))
    filters["dangling"] = ["false" if everything else "true"]
    pruned = Images(session.api).prune(filters=filters)
    removed = [
        f"untagged: {item['Untagged']}" if item.get("Untagged") else f"deleted: {item.get('Deleted', '')}"
        for item in pruned.get("ImagesDeleted") or []
    ]
    report(session.out, "Deleted Images:", removed, pruned.get("SpaceReclaimed", 0))
    return 0


COMMAND = Command(
    run, flags=(*flags("until=<timestamp>"), Flag("all", "a", BOOL, "Remove all unused images, not just dangling ones"))
)
