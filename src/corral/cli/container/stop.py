"""corral stop; its flags are also those of restart."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.kinds import INT, STRING
from corral.cli.many import each
from corral.cli.session import Session
from corral.client.containers import Containers

STOP_FLAGS = (
    Flag("signal", "s", STRING, "Signal to send to the container"),
    Flag("timeout", "t", INT, "Seconds to wait before killing the container"),
    Flag(
        "time", "", INT, "Seconds to wait before killing the container", hidden=True, deprecated="use --timeout instead"
    ),
)


def stop_arguments(options: Options) -> tuple[int | None, str | None]:
    """``(timeout, signal)``, None where the container's own settings hold."""
    timeout = None
    for name in ("timeout", "time"):
        if name in options.changed:
            timeout = options.number(name)
    return timeout, options.text("signal") or None


def run(session: Session, options: Options, args: list[str]) -> int:
    containers = Containers(session.api)
    timeout, signal = stop_arguments(options)
    return bool(each(session, args, lambda name: containers.begin_stop(name, timeout=timeout, signal=signal)))


COMMAND = Command(run, arguments="CONTAINER [CONTAINER...]", flags=STOP_FLAGS, least=1, most=None)
