"""A daemon that ends and comes back: containers do not notice, so what watches one should not either."""

from __future__ import annotations

import time
from collections.abc import Callable

from corral.client.errors import ApiError, ConnectionFailed, ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Answer = TypeVar("Answer")

PATIENCE = 20.0
_PAUSE = 0.1


def lost(error: BaseException) -> bool:
    """``error`` says that the daemon is gone, not that it refuses."""
    return isinstance(error, (ConnectionFailed, ProtocolError, OSError)) and not isinstance(error, ApiError)


def patiently(ask: Callable[[], Answer]) -> Answer:
    """``ask()``, again and again while nobody answers, for a while. Raises what the last one raised."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except Exception as error:
            if not lost(error) or time.monotonic() > end:
                raise
        time.sleep(_PAUSE)
