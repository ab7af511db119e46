"""corral system df."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.format import Column, View, write_list
from corral.cli.help_formats import FORMATS_TABLE
from corral.cli.kinds import BOOL, STRING
from corral.cli.session import Session
from corral.cli.units import decimal_size
from corral.client.system import System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import DiskUsage


class Line:
    """One kind of object: how many, how many in use, bytes, bytes that a prune would give back."""

    __slots__ = ("active", "kind", "reclaimable", "size", "total")

    def __init__(self, kind: str, total: int, active: int, size: int, reclaimable: int) -> None:
        self.kind = kind
        self.total = total
        self.active = active
        self.size = size
        self.reclaimable = reclaimable

    def reclaimable_shown(self) -> str:
        shown = decimal_size(self.reclaimable)
        return f"{shown} ({self.reclaimable * 100 // self.size}%)" if self.size > 0 else shown


def lines(usage: DiskUsage) -> list[Line]:
    images = usage.get("Images") or []
    used = [image for image in images if image.get("Containers", 0) > 0]
    layers = usage.get("LayersSize", 0)
    in_use = sum(max(image.get("Size", 0) - max(image.get("SharedSize", 0), 0), 0) for image in used)
    containers = usage.get("Containers") or []
    running = [item for item in containers if item.get("State") in ("running", "paused", "restarting")]
    volumes = [(volume.get("UsageData") or {}) for volume in usage.get("Volumes") or []]
    caches = usage.get("BuildCache") or []
    busy = [cache for cache in caches if cache.get("InUse")]
    idle = sum(cache.get("Size", 0) for cache in caches if not cache.get("InUse") and not cache.get("Shared"))
    return [
        Line("Images", len(images), len(used), layers, max(layers - in_use, 0)),
        Line(
            "Containers",
            len(containers),
            len(running),
            sum(item.get("SizeRw", 0) for item in containers),
            sum(item.get("SizeRw", 0) for item in containers if item not in running),
        ),
        Line(
            "Local Volumes",
            len(volumes),
            sum(volume.get("RefCount", 0) > 0 for volume in volumes),
            sum(max(volume.get("Size", 0), 0) for volume in volumes),
            sum(max(volume.get("Size", 0), 0) for volume in volumes if volume.get("RefCount", 0) == 0),
        ),
        Line("Build Cache", len(caches), len(busy), sum(cache.get("Size", 0) for cache in caches), idle),
    ]


VIEW = View(
    "*formatter.diskUsageContext",
    {
        "Type": Column("TYPE", lambda line: line.kind),
        "TotalCount": Column("TOTAL", lambda line: str(line.total)),
        "Active": Column("ACTIVE", lambda line: str(line.active)),
        "Size": Column("SIZE", lambda line: decimal_size(line.size)),
        "Reclaimable": Column("RECLAIMABLE", Line.reclaimable_shown),
    },
    ("Type", "TotalCount", "Active", "Size", "Reclaimable"),
)


def run(session: Session, options: Options, _args: list[str]) -> int:
    usage = System(session.api).disk_usage()
    if options.switch("verbose"):
        from corral.cli.system.df_verbose import write

        write(session.out, usage, options.text("format"))
        return 0
    write_list(session.out, VIEW, lines(usage), options.text("format"))
    return 0


COMMAND = Command(
    run,
    flags=(
        Flag("format", "", STRING, FORMATS_TABLE),
        Flag("verbose", "v", BOOL, "Show detailed information on space usage"),
    ),
)
