"""corral attach."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.container.attached import attached
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, STRING
from corral.cli.session import Session
from corral.cli.tty import size_of
from corral.client.containers import Containers


def run(session: Session, options: Options, args: list[str]) -> int:
    containers = Containers(session.api)
    container = containers.inspect(args[0])
    state, config = container.get("State", {}), container.get("Config", {})
    container_id = container.get("Id", args[0])
    if not state.get("Running"):
        raise CliError("You cannot attach to a stopped container, start it first")
    if state.get("Paused"):
        raise CliError("You cannot attach to a paused container, unpause it first")
    if state.get("Restarting"):
        raise CliError("You cannot attach to a restarting container, wait until it is running")
    tty = bool(config.get("Tty"))
    stdin = bool(config.get("OpenStdin")) and not options.switch("no-stdin")

    def redraw() -> None:
        """A program on a terminal draws itself again when the size changes: so it is changed, and then set right."""
        height, width = size_of(1)
        if tty and (height or width):
            containers.resize(container_id, height + 1, width + 1)

    return attached(
        session,
        containers,
        container_id,
        streams=frozenset(("stdin", "stdout", "stderr") if stdin else ("stdout", "stderr")),
        tty=tty,
        keys=options.text("detach-keys"),
        proxy=options.switch("sig-proxy"),
        condition=None,
        start=redraw,
        detach_is_error=True,
    )


COMMAND = Command(
    run,
    arguments="CONTAINER",
    flags=(
        Flag("detach-keys", "", STRING, "Override the key sequence for detaching a container"),
        Flag("no-stdin", "", BOOL, "Do not attach STDIN"),
        Flag("sig-proxy", "", BOOL, "Proxy all received signals to the process", default=True, shown="true"),
    ),
    least=1,
    most=1,
)
