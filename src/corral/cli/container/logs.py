"""corral logs."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, STRING
from corral.cli.moments import timestamp
from corral.cli.output import write_all
from corral.cli.session import Session
from corral.client.containers import Containers
from corral.client.streams import STDERR, SYSTEM_ERROR, Demultiplexer

MULTIPLEXED = "application/vnd.docker.multiplexed-stream"
RAW = "application/vnd.docker.raw-stream"


def run(session: Session, options: Options, args: list[str]) -> int:
    containers = Containers(session.api)
    response = containers.logs(
        args[0],
        follow=options.switch("follow"),
        since=timestamp(options.text("since"), "since"),
        until=timestamp(options.text("until"), "until"),
        timestamps=options.switch("timestamps"),
        tail=options.text("tail"),
        details=options.switch("details"),
    )
    media_type = response.headers.get("content-type", "")
    if media_type in (MULTIPLEXED, RAW):
        tty = media_type == RAW
    else:  # a daemon before API 1.42 does not say
        tty = bool(containers.inspect(args[0]).get("Config", {}).get("Tty"))
    demultiplexer = Demultiplexer()
    for block in response.blocks():
        if tty:
            write_all(1, block)
            continue
        for stream, piece in demultiplexer.feed(block):
            write_all(2 if stream in (STDERR, SYSTEM_ERROR) else 1, piece)
    return 0


COMMAND = Command(
    run,
    arguments="CONTAINER",
    flags=(
        Flag("details", "", BOOL, "Show extra details provided to logs"),
        Flag("follow", "f", BOOL, "Follow log output"),
        Flag(
            "since", "", STRING,
            'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
        ),
        Flag("tail", "n", STRING, "Number of lines to show from the end of the logs", default="all", shown='"all"'),
        Flag("timestamps", "t", BOOL, "Show timestamps"),
        Flag(
            "until", "", STRING,
            'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
        ),
    ),
    least=1,
    most=1,
    examples=(("The last ten lines, and what comes", "corral logs -f -n 10 web"),),
)  # fmt: skip
