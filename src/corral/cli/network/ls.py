"""corral network ls."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.format import Column, View, write_list
from corral.cli.help_formats import FORMATS_TABLE
from corral.cli.kinds import BOOL, FILTER, STRING
from corral.cli.session import Session
from corral.cli.text import labels, natural, short_id
from corral.client.networks import Networks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import Network


class Item:
    __slots__ = ("network", "truncate")

    def __init__(self, network: Network, *, truncate: bool) -> None:
        self.network = network
        self.truncate = truncate

    def id(self) -> str:
        full = self.network.get("Id", "")
        return short_id(full) if self.truncate else full

    def created_at(self) -> str:
        from corral.cli.schema import Time

        return Time(self.network.get("Created", "")).printed()


def _yes(value: object) -> str:
    return "true" if value else "false"


VIEW = View(
    "*formatter.networkContext",
    {
        "ID": Column("NETWORK ID", Item.id),
        "Name": Column("NAME", lambda item: item.network.get("Name", "")),
        "Driver": Column("DRIVER", lambda item: item.network.get("Driver", "")),
        "Scope": Column("SCOPE", lambda item: item.network.get("Scope", "")),
        "IPv4": Column("IPV4", lambda item: _yes(item.network.get("EnableIPv4", True))),
        "IPv6": Column("IPV6", lambda item: _yes(item.network.get("EnableIPv6"))),
        "Internal": Column("INTERNAL", lambda item: _yes(item.network.get("Internal"))),
        "Labels": Column("LABELS", lambda item: labels(item.network.get("Labels"))),
        "Label": Column("", lambda item, name: (item.network.get("Labels") or {}).get(name, ""), keyed=True),
        "CreatedAt": Column("CREATED AT", Item.created_at),
    },
    ("ID", "Name", "Driver", "Scope"),
    quiet="ID",
    raw=(("network_id", "ID"), ("name", "Name"), ("driver", "Driver"), ("scope", "Scope")),
)


def run(session: Session, options: Options, _args: list[str]) -> int:
    layout, quiet = options.text("format"), options.switch("quiet")
    if not layout and not quiet:
        layout = session.config.text("networksFormat")
    networks = Networks(session.api).list(filters=group(options.items("filter")))
    truncate = not options.switch("no-trunc")
    items = [
        Item(network, truncate=truncate)
        for network in sorted(networks, key=lambda network: natural(network.get("Name", "")))
    ]
    write_list(session.out, VIEW, items, layout, quiet=quiet)
    return 0


COMMAND = Command(
    run,
    flags=(
        Flag("filter", "f", FILTER, 'Provide filter values (e.g. "driver=bridge")'),
        Flag("format", "", STRING, FORMATS_TABLE),
        Flag("no-trunc", "", BOOL, "Do not truncate the output"),
        Flag("quiet", "q", BOOL, "Only display network IDs"),
    ),
)
