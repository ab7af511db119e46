"""corral ps, corral container ls."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.container.ports import display
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.format import Column, View, write_list
from corral.cli.help_formats import FORMATS_TABLE
from corral.cli.kinds import BOOL, FILTER, INT, STRING
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.cli.text import ellipsis, labels, quote_command, short_id
from corral.cli.units import ago, decimal_size, local_time
from corral.client.containers import Containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import ContainerSummary


class Item:
    """One container and how it is to be shown."""

    __slots__ = ("container", "truncate")

    def __init__(self, container: ContainerSummary, *, truncate: bool) -> None:
        self.container = container
        self.truncate = truncate

    def id(self) -> str:
        full = self.container.get("Id", "")
        return short_id(full) if self.truncate else full

    def names(self) -> str:
        """Its own name; with --no-trunc also the names by which others link to it."""
        names = [name.removeprefix("/") for name in self.container.get("Names") or []]
        if self.truncate:
            names = [name for name in names if "/" not in name] or names
        return ",".join(names)

    def image(self) -> str:
        image = self.container.get("Image", "")
        if not image:
            return "<no image>"
        if self.truncate:
            identity = self.container.get("ImageID", "").removeprefix("sha256:")
            if image == self.container.get("ImageID") or (identity and image == identity):
                return short_id(image)
            name, at, _ = image.partition("@sha256:")
            if at:
                return name
        return image

    def command(self) -> str:
        command = self.container.get("Command", "")
        return quote_command(ellipsis(command, 20) if self.truncate else command)

    def ports(self) -> str:
        return display(self.container.get("Ports") or [])

    def size(self) -> str:
        own = decimal_size(self.container.get("SizeRw", 0), 3)
        whole = self.container.get("SizeRootFs", 0)
        return f"{own} (virtual {decimal_size(whole, 3)})" if whole > 0 else own

    def mounts(self) -> str:
        names = [mount.get("Name") or mount.get("Source", "") for mount in self.container.get("Mounts") or []]
        return ",".join(ellipsis(name, 15) if self.truncate else name for name in names)

    def local_volumes(self) -> str:
        return str(sum(mount.get("Driver") == "local" for mount in self.container.get("Mounts") or []))

    def networks(self) -> str:
        settings = self.container.get("NetworkSettings") or {}
        return ",".join(sorted(settings.get("Networks") or {}))

    def label(self, name: str) -> str:
        return (self.container.get("Labels") or {}).get(name, "")


VIEW = View(
    "*formatter.ContainerContext",
    {
        "ID": Column("CONTAINER ID", Item.id),
        "Names": Column("NAMES", Item.names),
        "Image": Column("IMAGE", Item.image),
        "Command": Column("COMMAND", Item.command),
        "CreatedAt": Column("CREATED AT", lambda item: local_time(item.container.get("Created", 0))),
        "RunningFor": Column("CREATED", lambda item: ago(item.container.get("Created", 0))),
        "Ports": Column("PORTS", Item.ports),
        "State": Column("STATE", lambda item: item.container.get("State", "")),
        "Status": Column("STATUS", lambda item: item.container.get("Status", "")),
        "Size": Column("SIZE", Item.size),
        "Labels": Column("LABELS", lambda item: labels(item.container.get("Labels"))),
        "Label": Column("", Item.label, keyed=True),
        "Mounts": Column("MOUNTS", Item.mounts),
        "LocalVolumes": Column("LOCAL VOLUMES", Item.local_volumes),
        "Networks": Column("NETWORKS", Item.networks),
        "Platform": Column("PLATFORM", lambda item: item.container.get("ImageManifestDescriptor")),
    },
    ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"),
    quiet="ID",
    raw=(
        ("container_id", "ID"), ("image", "Image"), ("command", "Command"), ("created_at", "CreatedAt"),
        ("state", "State"), ("status", "Status"), ("names", "Names"), ("labels", "Labels"), ("ports", "Ports"),
    ),
)  # fmt: skip


def names_size(layout: str) -> bool:
    """The template shows sizes, which the daemon must be asked for: they take long."""
    return ".Size" in layout or "json .}" in layout or "json . " in layout


def run(session: Session, options: Options, _args: list[str]) -> int:
    layout = options.text("format")
    quiet = options.switch("quiet")
    if layout and quiet:
        error_line("WARNING: Ignoring custom format, because both --format and --quiet are set.")
        layout = "raw" if layout == "raw" else ""
    if not layout and not quiet:
        layout = session.config.text("psFormat")
    size = options.switch("size") or ("size" not in options.changed and names_size(layout))
    latest = options.switch("latest")
    last = 1 if latest else options.number("last")
    rows = Containers(session.api).list(
        all=options.switch("all") or last > 0,
        limit=last if last > 0 else None,
        size=size,
        filters=group(options.items("filter")),
    )
    items = [Item(row, truncate=not options.switch("no-trunc")) for row in rows]
    view = View(VIEW.type_name, VIEW.columns, (*VIEW.default, "Size"), quiet="ID", raw=VIEW.raw) if size else VIEW
    write_list(session.out, view, items, layout, quiet=quiet)
    return 0


COMMAND = Command(
    run,
    flags=(
        Flag("all", "a", BOOL, "Show all containers (default shows just running)"),
        Flag("filter", "f", FILTER, "Filter output based on conditions provided"),
        Flag("format", "", STRING, FORMATS_TABLE),
        Flag("last", "n", INT, "Show n last created containers (includes all states)", default=-1, shown="-1"),
        Flag("latest", "l", BOOL, "Show the latest created container (includes all states)"),
        Flag("no-trunc", "", BOOL, "Don't truncate output"),
        Flag("quiet", "q", BOOL, "Only display container IDs"),
        Flag("size", "s", BOOL, "Display total file sizes"),
    ),
    examples=(
        ("Names and states of everything that exists", "corral ps -a --format 'table {{.Names}}\\t{{.State}}'"),
        ("Remove what has exited", "corral rm $(corral ps -qf status=exited)"),
    ),
)
