"""corral volume prune."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL
from corral.cli.pruning import agreed, flags, report
from corral.cli.session import Session
from corral.client.volumes import Volumes


def run(session: Session, options: Options, _args: list[str]) -> int:
    filters = group(options.items("filter"))
    everything = options.switch("all")
    if everything:
        if "all" in filters:
            raise CliError("conflicting options: cannot specify both --all and --filter all=1")
        filters["all"] = ["true"]
    kind = "all" if everything else "anonymous"
    if not agreed(options, f"{kind} local volumes not used by at least one container"):
        return 1
    pruned = Volumes(session.api).prune(filters=filters)
    report(session.out, "Deleted Volumes:", pruned.get("VolumesDeleted") or [], pruned.get("SpaceReclaimed", 0))
    return 0


COMMAND = Command(
    run,
    flags=(*flags("label=<label>"), Flag("all", "a", BOOL, "Remove all unused volumes, not just anonymous ones")),
)
