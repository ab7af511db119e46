"""corral search."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.credentials.header import for_image
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.format import Column, View, write_list
from corral.cli.kinds import BOOL, FILTER, INT, STRING
from corral.cli.session import Session
from corral.cli.text import ellipsis
from corral.client.registries import Registries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import SearchResult

_WIDTH = 45


class Found:
    __slots__ = ("result", "truncate")

    def __init__(self, result: SearchResult, *, truncate: bool) -> None:
        self.result = result
        self.truncate = truncate

    def description(self) -> str:
        text = self.result.get("description", "").replace("\n", " ").replace("\r", "")
        return ellipsis(text, _WIDTH) if self.truncate else text


def _mark(value: object) -> str:
    return "[OK]" if value else ""


VIEW = View(
    "*formatter.searchContext",
    {
        "Name": Column("NAME", lambda found: found.result.get("name", "")),
        "Description": Column("DESCRIPTION", Found.description),
        "StarCount": Column("STARS", lambda found: str(found.result.get("star_count", 0))),
        "IsOfficial": Column("OFFICIAL", lambda found: _mark(found.result.get("is_official"))),
        "IsAutomated": Column("AUTOMATED", lambda found: _mark(found.result.get("is_automated"))),
    },
    ("Name", "Description", "StarCount", "IsOfficial"),
)


def run(session: Session, options: Options, args: list[str]) -> int:
    results = Registries(session.api).search(
        args[0],
        limit=options.number("limit"),
        filters=group(options.items("filter")),
        auth=for_image(session.config, args[0]),
    )
    truncate = not options.switch("no-trunc")
    rows = [Found(result, truncate=truncate) for result in results]
    write_list(session.out, VIEW, rows, options.text("format"))
    return 0


COMMAND = Command(
    run,
    arguments="TERM",
    flags=(
        Flag("filter", "f", FILTER, "Filter output based on conditions provided"),
        Flag("format", "", STRING, "Pretty-print search using a Go template"),
        Flag("limit", "", INT, "Max number of search results"),
        Flag("no-trunc", "", BOOL, "Don't truncate output"),
    ),
    least=1,
    most=1,
)
