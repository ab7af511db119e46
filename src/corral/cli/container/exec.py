"""corral exec."""

from __future__ import annotations

import contextlib

from corral.cli.attach import Streams
from corral.cli.command import Command
from corral.cli.container.create_flags import ENV
from corral.cli.errors import CliError, UsageError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, LIST, STRING
from corral.cli.opts.env import environment
from corral.cli.patience import patiently
from corral.cli.session import Session
from corral.cli.tty import DETACHED, DetachKeys, check_input, following_size, raw_terminal, size_of
from corral.client.errors import ClientError
from corral.client.exec import Execs


def run(session: Session, options: Options, args: list[str]) -> int:
    container, *command = args
    detach, tty = options.switch("detach"), options.switch("tty")
    stdin = options.switch("interactive") and not detach
    keys = options.text("detach-keys") or session.config.text("detachKeys")
    if not detach:
        check_input(stdin=stdin, tty=tty)
    request: dict[str, object] = {
        "User": options.text("user"),
        "Privileged": options.switch("privileged"),
        "Tty": tty,
        "AttachStdin": stdin,
        "AttachStdout": not detach,
        "AttachStderr": not detach,
        "DetachKeys": keys,
        "Env": _environment(options),
        "WorkingDir": options.text("workdir"),
        "Cmd": command,
    }
    start: dict[str, object] = {"Detach": detach, "Tty": tty}
    size = size_of(1) if tty else (0, 0)
    if any(size):
        request["ConsoleSize"] = start["ConsoleSize"] = list(size)
    execs = Execs(session.api)
    exec_id = execs.create(container, {name: value for name, value in request.items() if value})
    if detach:
        execs.start_detached(exec_id, start)
        return 0
    return _attached(execs, exec_id, start, tty=tty, stdin=stdin, keys=keys)


def _environment(options: Options) -> list[str]:
    try:
        return environment(options.items("env-file"), options.items("env"))
    except UsageError as error:  # what is in a file is no mistake on the command line
        raise CliError(error.message) from None


def _attached(execs: Execs, exec_id: str, start: dict[str, object], *, tty: bool, stdin: bool, keys: str) -> int:
    def resize(height: int, width: int) -> None:
        with contextlib.suppress(ClientError):  # it has ended meanwhile
            execs.resize(exec_id, height, width)

    with contextlib.ExitStack() as stack:
        hijacked = execs.start(exec_id, start)
        streams = Streams(hijacked, tty=tty, stdin=stdin, keys=DetachKeys(keys) if tty and stdin else None)
        stack.callback(streams.close)
        if tty and stdin:
            stack.enter_context(raw_terminal(0))
        if tty:
            stack.enter_context(following_size(1, resize))
        if streams.run():
            raise CliError(DETACHED)
    return patiently(lambda: execs.inspect(exec_id)).get("ExitCode") or 0


COMMAND = Command(
    run,
    arguments="CONTAINER COMMAND [ARG...]",
    flags=(
        Flag("detach", "d", BOOL, "Detached mode: run command in the background"),
        Flag("detach-keys", "", STRING, "Override the key sequence for detaching a container"),
        Flag("env", "e", ENV, "Set environment variables"),
        Flag("env-file", "", LIST, "Read in a file of environment variables"),
        Flag("interactive", "i", BOOL, "Keep STDIN open even if not attached"),
        Flag("privileged", "", BOOL, "Give extended privileges to the command"),
        Flag("tty", "t", BOOL, "Allocate a pseudo-TTY"),
        Flag("user", "u", STRING, 'Username or UID (format: "<name|uid>[:<group|gid>]")'),
        Flag("workdir", "w", STRING, "Working directory inside the container"),
    ),
    least=2,
    most=None,
    interspersed=False,
    examples=(("A shell in a running container", "corral exec -it web sh"),),
)
