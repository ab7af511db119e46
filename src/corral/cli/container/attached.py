"""Being attached to a container from before its start to after its end: for run, start -a and attach."""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable

from corral.cli.attach import Streams
from corral.cli.container.exit import exit_code_across_restarts
from corral.cli.errors import CliError
from corral.cli.session import Session
from corral.cli.signals import proxied
from corral.cli.tty import DETACHED, DetachKeys, check_input, following_size, raw_terminal
from corral.client.containers import Containers
from corral.client.errors import ClientError
from corral.errors import CorralError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.api import Pending
    from corral.client.http import Response

_REMOVAL = 5.0


def attached(
    session: Session,
    containers: Containers,
    container_id: str,
    *,
    streams: frozenset[str],
    tty: bool,
    keys: str,
    proxy: bool,
    condition: str | None,
    start: Callable[[], None],
    detach_is_error: bool = False,
) -> int:
    """The exit code: the process's own, or 0 after the detach keys. Raises CliError, ClientError.

    ``start`` is called when everything is in place to see the container's first byte and its end.
    """
    stdin = "stdin" in streams
    check_input(stdin=stdin, tty=tty)
    keys = keys or session.config.text("detachKeys")
    with contextlib.ExitStack() as stack:
        if proxy and not tty:
            stack.enter_context(proxied(containers, container_id))
        hijacked = containers.attach(
            container_id, stdin=stdin, stdout="stdout" in streams, stderr="stderr" in streams, detach_keys=keys or None
        )
        pump = Streams(hijacked, tty=tty, stdin=stdin, keys=DetachKeys(keys) if tty and stdin else None)
        stack.callback(pump.close)
        waiting = containers.begin_wait(container_id, condition=condition)
        stack.callback(waiting.close)
        # The daemon must be watching before the start: a container may end at once.
        answer = waiting.head()
        try:
            start()
        except CorralError:
            if condition == "removed":
                _until_removed(waiting, answer)
            raise
        with contextlib.ExitStack() as terminal:
            if tty and stdin:
                terminal.enter_context(raw_terminal(0))
            if tty:
                terminal.enter_context(following_size(1, resizer(containers, container_id)))
            detached = pump.run()
        if not detached:
            return exit_code_across_restarts(session.api, answer, container_id)
    if detach_is_error:
        raise CliError(DETACHED)
    return 0


def _until_removed(waiting: Pending, answer: Response) -> None:
    """A container that could not start is removed like any other: its name is free when this program ends."""
    poll = select.poll()
    poll.register(waiting, select.POLLIN)
    if poll.poll(_REMOVAL * 1000):
        with contextlib.suppress(ClientError, OSError):
            answer.read()


def resizer(containers: Containers, container_id: str) -> Callable[[int, int], None]:
    def resize(height: int, width: int) -> None:
        with contextlib.suppress(ClientError):  # it has ended meanwhile
            containers.resize(container_id, height, width)

    return resize
