"""corral volume ls."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.format import Column, View, write_list
from corral.cli.help_formats import FORMATS_TABLE
from corral.cli.kinds import BOOL, FILTER, STRING
from corral.cli.session import Session
from corral.cli.text import labels, natural
from corral.cli.units import decimal_size
from corral.client.volumes import Volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import Volume


def links(volume: Volume) -> str:
    usage = volume.get("UsageData")
    return str(usage.get("RefCount", 0)) if usage else "N/A"


def size(volume: Volume) -> str:
    usage = volume.get("UsageData")
    return decimal_size(usage.get("Size", 0)) if usage else "N/A"


VIEW = View(
    "*formatter.volumeContext",
    {
        "Name": Column("VOLUME NAME", lambda volume: volume.get("Name", "")),
        "Driver": Column("DRIVER", lambda volume: volume.get("Driver", "")),
        "Scope": Column("SCOPE", lambda volume: volume.get("Scope", "")),
        "Mountpoint": Column("MOUNTPOINT", lambda volume: volume.get("Mountpoint", "")),
        "Labels": Column("LABELS", lambda volume: labels(volume.get("Labels"))),
        "Label": Column("", lambda volume, name: (volume.get("Labels") or {}).get(name, ""), keyed=True),
        "Links": Column("LINKS", links),
        "Size": Column("SIZE", size),
        "Availability": Column("AVAILABILITY", lambda _: "N/A"),
        "Group": Column("GROUP", lambda _: "N/A"),
        "Status": Column("STATUS", lambda _: "N/A"),
    },
    ("Driver", "Name"),
    quiet="Name",
    raw=(("name", "Name"), ("driver", "Driver")),
)


def run(session: Session, options: Options, _args: list[str]) -> int:
    layout, quiet = options.text("format"), options.switch("quiet")
    if not layout and not quiet:
        layout = session.config.text("volumesFormat")
    found = Volumes(session.api).list(filters=group(options.items("filter"))).get("Volumes") or []
    rows = sorted(found, key=lambda volume: natural(volume.get("Name", "")))
    write_list(session.out, VIEW, rows, layout, quiet=quiet)
    return 0


COMMAND = Command(
    run,
    flags=(
        Flag("filter", "f", FILTER, 'Provide filter values (e.g. "dangling=true")'),
        Flag("format", "", STRING, FORMATS_TABLE),
        Flag("quiet", "q", BOOL, "Only display volume names"),
    ),
)
