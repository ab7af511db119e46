"""Waiting for something to come true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Polls. Raises AssertionError when the time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come to that within {seconds} seconds"
        time.sleep(0.02)


async def eventually(condition: Callable[[], object], seconds: float = 15) -> None:
    """`until`, for what happens in the loop of the test."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come to that within {seconds} seconds"
        await asyncio.sleep(0.01)
