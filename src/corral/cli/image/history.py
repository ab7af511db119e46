"""corral history."""

from __future__ import annotations

import datetime

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.format import Column, View, write_list
from corral.cli.help_formats import FORMATS_TABLE
from corral.cli.kinds import BOOL, STRING
from corral.cli.session import Session
from corral.cli.text import ellipsis, short_id
from corral.cli.units import ago, decimal_size, rfc3339_local
from corral.client.images import Images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import HistoryItem


class Item:
    """One layer, or one step that made none."""

    __slots__ = ("human", "step", "truncate")

    def __init__(self, step: HistoryItem, *, truncate: bool, human: bool) -> None:
        self.step = step
        self.truncate = truncate
        self.human = human

    def id(self) -> str:
        full = self.step.get("Id", "")
        return short_id(full) if self.truncate else full

    def created_at(self) -> str:
        return rfc3339_local(self.step.get("Created", 0))

    def created_since(self) -> str:
        created = self.step.get("Created", 0)
        if not self.human:
            return self.created_at()
        return "N/A" if created <= _ZERO else ago(created)

    def created_by(self) -> str:
        by = self.step.get("CreatedBy", "").replace("\t", " ")
        return ellipsis(by, 45) if self.truncate else by

    def size(self) -> str:
        size = self.step.get("Size", 0)
        return decimal_size(size, 3) if self.human else str(size)


_ZERO = int(datetime.datetime(1, 1, 1, tzinfo=datetime.UTC).timestamp())

VIEW = View(
    "*formatter.historyContext",
    {
        "ID": Column("IMAGE", Item.id),
        "CreatedSince": Column("CREATED", Item.created_since),
        "CreatedAt": Column("CREATED AT", Item.created_at),
        "CreatedBy": Column("CREATED BY", Item.created_by),
        "Size": Column("SIZE", Item.size),
        "Comment": Column("COMMENT", lambda item: item.step.get("Comment", "")),
    },
    ("ID", "CreatedSince", "CreatedBy", "Size", "Comment"),
    quiet="ID",
)


_EXACT = Column("CREATED AT", Item.created_since)


def run(session: Session, options: Options, args: list[str]) -> int:
    steps = Images(session.api).history(args[0], platform=options.text("platform") or None)
    truncate, human = not options.switch("no-trunc"), options.switch("human")
    rows = [Item(step, truncate=truncate, human=human) for step in steps]
    view = VIEW if human else View(VIEW.type_name, {**VIEW.columns, "CreatedSince": _EXACT}, VIEW.default, quiet="ID")
    write_list(session.out, view, rows, options.text("format"), quiet=options.switch("quiet"))
    return 0


COMMAND = Command(
    run,
    arguments="IMAGE",
    flags=(
        Flag("format", "", STRING, FORMATS_TABLE),
        Flag("human", "H", BOOL, "Print sizes and dates in human readable format", default=True, shown="true"),
        Flag("no-trunc", "", BOOL, "Don't truncate output"),
        Flag(
            "platform", "", STRING,
            'Show history for the given platform. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
        ),
        Flag("quiet", "q", BOOL, "Only show image IDs"),
    ),
    least=1,
    most=1,
)  # fmt: skip
