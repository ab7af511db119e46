"""corral top."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Options
from corral.cli.session import Session
from corral.cli.table import align
from corral.client.containers import Containers

_WIDTH = 20


def run(session: Session, _options: Options, args: list[str]) -> int:
    container, *ps_args = args
    answer = Containers(session.api).top(container, ps_args)
    rows = [answer.get("Titles") or [], *(answer.get("Processes") or [])]
    session.out.write(align(["\t".join(row) for row in rows], min_width=_WIDTH))
    return 0


COMMAND = Command(
    run,
    arguments="CONTAINER [ps OPTIONS]",
    least=1,
    most=None,
    interspersed=False,
    examples=(("With columns of ps(1)", "corral top web -o pid,rss,comm"),),
)
