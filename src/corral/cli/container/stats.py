"""corral stats."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from corral.cli.command import Command
from corral.cli.container.usage import VIEW, Usage
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.format import write_list
from corral.cli.help_formats import FORMATS_TABLE
from corral.cli.kinds import BOOL, STRING
from corral.cli.output import Output
from corral.cli.session import Session
from corral.cli.text import short_id
from corral.client.containers import Containers
from corral.client.errors import ClientError
from corral.client.events import Events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.http import Response
    from corral.client.wire import Event, Stats

_HOME, _END_OF_LINE, _END_OF_SCREEN = "\033[H", "\033[K", "\033[J"
_CALM = 0.5
"""Seconds between two pictures, at least."""
_PATIENCE = 2.0


class Watched:
    """One container's stream, read by a thread of its own. ``stats`` is the newest; ``ended``: no more will come."""

    def __init__(self, name: str, board: Board) -> None:
        self.name = name
        self.stats: Stats | None = None
        self.ended = False
        self._board = board

    def follow(self, containers: Containers, answer: Response) -> None:
        def read() -> None:
            try:
                for stats in containers.stats_of(answer):
                    self.stats = stats
                    self._board.news.set()
            except ClientError:
                pass
            self.stats, self.ended = None, True
            self._board.news.set()

        threading.Thread(target=read, daemon=True).start()


class Board:
    """The rows, in order. ``news``: something changed since it was drawn; ``over``: the daemon is gone."""

    def __init__(self, containers: Containers) -> None:
        self.rows: list[Watched] = []
        self.news = threading.Event()
        self.over = False
        self._containers = containers
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        """Raises ClientError when there is no such container."""
        row = Watched(name, self)
        answer = self._containers.begin_stats(name, stream=True).head()
        with self._lock:
            if any(known.name == name and not known.ended for known in self.rows):
                answer.close()
                return
            self.rows = [*(known for known in self.rows if known.name != name), row]
        row.follow(self._containers, answer)

    def drop(self, name: str) -> None:
        with self._lock:
            self.rows = [row for row in self.rows if row.name != name]
        self.news.set()

    def wait_for_all(self) -> None:
        """Until each row has numbers, for a moment: the first picture should be a whole one."""
        deadline = time.monotonic() + _PATIENCE
        while any(row.stats is None and not row.ended for row in self.rows):
            if not self.news.wait(deadline - time.monotonic()):
                return
            self.news.clear()

    def watch(self, events: Events, *, everything: bool) -> None:
        """Containers come and go; without ``everything`` only while they run."""
        comes = ("create",) if everything else ("start",)
        goes = ("destroy",) if everything else ("die", "destroy")

        def read() -> None:
            try:
                for event in events.stream(filters={"type": ["container"]}):
                    self._take(event, comes, goes)
            except ClientError:
                pass
            self.over = True
            self.news.set()

        threading.Thread(target=read, daemon=True).start()

    def _take(self, event: Event, comes: Sequence[str], goes: Sequence[str]) -> None:
        name = short_id((event.get("Actor") or {}).get("ID", ""))
        action = event.get("Action", "")
        if action in goes:
            self.drop(name)
        elif action in comes:
            try:
                self.add(name)
            except ClientError:
                return  # it has gone again


def run(session: Session, options: Options, args: list[str]) -> int:
    layout = options.text("format") or session.config.text("statsFormat")
    truncate = not options.switch("no-trunc")
    containers = Containers(session.api)
    names = args or [short_id(row.get("Id", "")) for row in containers.list(all=options.switch("all"))]
    if options.switch("no-stream"):
        _draw(session.out, once(containers, names), layout, truncate=truncate)
        return 0
    board = Board(containers)
    if not args:
        board.watch(Events(session.api), everything=options.switch("all"))
    failures = []
    for name in dict.fromkeys(names):
        try:
            board.add(name)
        except ClientError as error:
            if args:
                failures.append(str(error))
    if failures:
        raise CliError("\n".join(failures))
    _show(session.out, board, layout, fixed=bool(args), truncate=truncate)
    return 0


def once(containers: Containers, names: Sequence[str]) -> list[tuple[str, Stats | None]]:
    """All are asked before the first answer is read. Raises CliError when one of them cannot be had."""
    asked = [(name, containers.begin_stats(name, stream=False)) for name in dict.fromkeys(names)]
    found: list[tuple[str, Stats | None]] = []
    failures = []
    for name, pending in asked:
        try:
            found += [(name, stats) for stats in containers.stats_of(pending.head())]
        except ClientError as error:
            failures.append(str(error))
    if failures:
        raise CliError("\n".join(failures))
    return found


def _show(out: Output, board: Board, layout: str, *, fixed: bool, truncate: bool) -> None:
    """Until the daemon is gone, or with a ``fixed`` list everything in it."""
    redraw = out.isatty()
    board.wait_for_all()
    while not board.over:
        board.news.clear()
        rows = board.rows
        if fixed and all(row.ended for row in rows):
            return
        picture = _Picture()
        _draw(picture, [(row.name, row.stats) for row in rows], layout, truncate=truncate)
        out.write(picture.over_the_last() if redraw else picture.text)
        out.flush()
        board.news.wait()
        time.sleep(_CALM)  # what comes meanwhile is drawn together


class _Picture(Output):
    """Text that is kept."""

    __slots__ = ("text",)

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def over_the_last(self) -> str:
        """With what a terminal needs to show this instead of the last one, without flicker."""
        lines = "".join(f"{line}{_END_OF_LINE}\n" for line in self.text.splitlines())
        return f"{_HOME}{lines}{_END_OF_SCREEN}"


def _draw(out: Output, rows: Sequence[tuple[str, Stats | None]], layout: str, *, truncate: bool) -> None:
    """Raises CliError for a template, in the words that docker has for this verb."""
    try:
        write_list(out, VIEW, [Usage(name, stats, truncate=truncate) for name, stats in rows], layout)
    except CliError as error:
        _, _, reason = str(error).partition(" template: ")
        raise CliError(f"template parsing error: {reason}") from None


COMMAND = Command(
    run,
    arguments="[CONTAINER...]",
    most=None,
    flags=(
        Flag("all", "a", BOOL, "Show all containers (default shows just running)"),
        Flag("format", "", STRING, FORMATS_TABLE),
        Flag("no-stream", "", BOOL, "Disable streaming stats and only pull the first result"),
        Flag("no-trunc", "", BOOL, "Do not truncate output"),
    ),
    note="Fields beyond docker's: CPUPressure, MemPressure, IOPressure (some/full of 10 seconds), OOMKills, MemEvent",
    examples=(
        ("Everything that runs, once", "corral stats --no-stream"),
        ("Who waits for memory", "corral stats --format 'table {{.Name}}\\t{{.MemPressure}}\\t{{.OOMKills}}'"),
    ),
)
