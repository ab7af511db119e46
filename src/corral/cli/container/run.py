"""corral run."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.container.attached import attached
from corral.cli.container.create_flags import CREATE_FLAGS, pull_flag
from corral.cli.container.creation import create
from corral.cli.container.exit import failed_to_run
from corral.cli.container.request import build
from corral.cli.errors import CliError, UsageError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, STRING
from corral.cli.session import Session
from corral.cli.tty import check_input, size_of
from corral.client.containers import Containers
from corral.client.errors import ClientError


def run(session: Session, options: Options, args: list[str]) -> int:
    image, *command = args
    attach = _streams(options)
    try:
        host = session.api.address.text
        request = build(options, image, command, attach=attach, host=host)
    except UsageError as error:
        raise UsageError(f"corral: {error}", usage=error.usage) from None
    except ClientError as error:
        raise failed_to_run(error) from None
    check_input(stdin="stdin" in attach, tty=options.switch("tty"))
    if options.switch("tty"):
        _console_size(request)
    try:
        container_id = create(session, options, request, image)
    except (ClientError, CliError) as error:
        raise failed_to_run(error) from None
    containers = Containers(session.api)
    if not attach:
        try:
            containers.start(container_id)
        except ClientError as error:
            raise failed_to_run(error) from None
        session.out.line(container_id)
        return 0
    return _attached(session, options, containers, container_id, attach)


def _streams(options: Options) -> frozenset[str]:
    given = options.items("attach")
    if options.switch("detach"):
        if given:
            raise CliError("conflicting options: cannot specify both --attach and --detach")
        return frozenset()
    if given:
        return frozenset(given)
    return frozenset(("stdin", "stdout", "stderr") if options.switch("interactive") else ("stdout", "stderr"))


def _console_size(request: dict[str, object]) -> None:
    """The window is right from the first byte on: the daemon opens the container's terminal with this size."""
    host = request["HostConfig"]
    assert isinstance(host, dict)
    height, width = size_of(1)
    if height or width:
        host["ConsoleSize"] = [height, width]


def _attached(
    session: Session, options: Options, containers: Containers, container_id: str, streams: frozenset[str]
) -> int:
    def start() -> None:
        try:
            containers.start(container_id)
        except ClientError as error:
            raise failed_to_run(error) from None

    code = attached(
        session,
        containers,
        container_id,
        streams=streams,
        tty=options.switch("tty"),
        keys=options.text("detach-keys"),
        proxy=options.switch("sig-proxy"),
        condition="removed" if options.switch("rm") else "next-exit",
        start=start,
    )
    if not streams & {"stdout", "stderr"}:
        session.out.line(container_id)
    return code


COMMAND = Command(
    run,
    arguments="IMAGE [COMMAND] [ARG...]",
    flags=(
        *CREATE_FLAGS,
        pull_flag("running"),
        Flag("detach", "d", BOOL, "Run container in background and print container ID"),
        Flag("detach-keys", "", STRING, "Override the key sequence for detaching a container"),
        Flag("sig-proxy", "", BOOL, "Proxy received signals to the process", default=True, shown="true"),
    ),
    least=1,
    most=None,
    interspersed=False,
    examples=(
        ("A shell of its own", "corral run -it --rm debian:bookworm bash"),
        ("A service on port 8080, in the background", "corral run -d --name web -p 8080:80 busybox httpd -f"),
        (
            "A memory limit, a directory of the host, no network",
            "corral run --rm -m 64m -v $PWD:/a --network none busybox ls /a",
        ),
    ),
)
