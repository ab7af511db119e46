"""corral volume prune."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.confirm import confirmed
from corral.cli.errors import CliError
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, FILTER
from corral.cli.session import Session
from corral.cli.units import decimal_size
from corral.client.volumes import Volumes

_ANONYMOUS = "WARNING! This will remove anonymous local volumes not used by at least one container."
_ALL = "WARNING! This will remove all local volumes not used by at least one container."


def run(session: Session, options: Options, _args: list[str]) -> int:
    filters = group(options.items("filter"))
    everything = options.switch("all")
    if everything:
        if "all" in filters:
            raise CliError("conflicting options: cannot specify both --all and --filter all=1")
        filters["all"] = ["true"]
    if not options.switch("force") and not confirmed(_ALL if everything else _ANONYMOUS):
        return 1
    pruned = Volumes(session.api).prune(filters=filters)
    removed = pruned.get("VolumesDeleted") or []
    if removed:
        session.out.line("Deleted Volumes:")
        for name in removed:
            session.out.line(name)
        session.out.line()
    session.out.line(f"Total reclaimed space: {decimal_size(pruned.get('SpaceReclaimed', 0))}")
    return 0


COMMAND = Command(
    run,
    flags=(
        Flag("all", "a", BOOL, "Remove all unused volumes, not just anonymous ones"),
        Flag("filter", "", FILTER, 'Provide filter values (e.g. "label=<label>")'),
        Flag("force", "f", BOOL, "Do not prompt for confirmation"),
    ),
)
