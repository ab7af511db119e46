"""Progress of long operations: bars on a terminal, plain lines elsewhere, and the error that may come in the middle."""

from __future__ import annotations

import os
from collections.abc import Iterable

from corral.cli.output import write_all
from corral.client.errors import OperationFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import Progress


def show(messages: Iterable[Progress], fd: int = 1) -> None:
    """Show all of ``messages``. Raises OperationFailed when one of them is an error."""
    if os.isatty(fd):
        try:
            from corral.cli.bars import Bars
        except ImportError:  # rich is missing: lines are as good
            pass
        else:
            with Bars(fd) as bars:
                for message in messages:
                    raise_error(message)
                    bars.show(message)
            return
    for message in messages:
        raise_error(message)
        line = plain_line(message)
        if line:
            write_all(fd, line.encode("utf-8", "replace"))


def raise_error(message: Progress) -> None:
    """Raises OperationFailed when ``message`` is the error that ends everything."""
    if "error" in message or "errorDetail" in message:
        detail = message.get("errorDetail") or {}
        raise OperationFailed(str(detail.get("message") or message.get("error") or "unknown error"))


def plain_line(message: Progress) -> str:
    """Nothing for numbers that only move: a log wants events."""
    if "stream" in message:
        return message.get("stream", "")
    detail = message.get("progressDetail") or {}
    if detail.get("current") or not message.get("status"):
        return ""
    name = f"{message['id']}: " if message.get("id") else ""
    return f"{name}{message.get('status', '')}\n"
