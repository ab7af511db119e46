"""Progress of long operations as a stream of messages, whatever the operation looks like inside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from corral.api.types.progress import Progress, ProgressDetail

Report = Callable[[Progress], None]


async def stream(work: Callable[[Report], Awaitable[object]]) -> AsyncIterator[Progress]:
    """Runs ``work`` and yields what it reports. Its error is raised here, after the messages that came before it.

    Whoever stops listening cancels the work.
    """
    messages: asyncio.Queue[Progress | None] = asyncio.Queue()

    async def run() -> None:
        try:
            await work(messages.put_nowait)
        finally:
            messages.put_nowait(None)

    task = asyncio.create_task(run())
    try:
        while (message := await messages.get()) is not None:
            yield message
        await task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


def text(line: str) -> Progress:
    """A line for the terminal."""
    return Progress(stream=line + "\n")


def step(item: str, status: str, current: int, total: int) -> Progress:
    """Bytes of ``item`` that are done; ``total`` 0 when unknown."""
    detail = ProgressDetail(current=current, total=total) if total else ProgressDetail(current=current)
    return Progress(id=item, status=status, progress_detail=detail, progress=_bar(current, total))


def phase(item: str, status: str, current: int, total: int) -> Progress:
    """Step ``current`` of ``total``."""
    detail = ProgressDetail(current=current, total=total, units="steps")
    return Progress(id=item, status=status, progress_detail=detail, progress=f"{current}/{total}")


def _bar(current: int, total: int) -> str:
    """The bar that clients show which do not draw their own."""
    if not total:
        return _human(current)
    filled = min(50, current * 50 // total)
    bar = "=" * filled + (">" if filled < 50 else "") + " " * (49 - filled)
    return f"[{bar}] {_human(current):>8}/{_human(total)}"


def _human(size: int) -> str:
    """Four digits and a decimal unit, as Docker shows sizes."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.4g}{unit}"
        value /= 1000
    return f"{value:.4g}TB"
