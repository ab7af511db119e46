"""top: the host's ``ps``, reduced to the processes of one container."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from typing import Final

from corral.api.types.container import TopResponse
from corral.engine.container import news
from corral.engine.container.context import Engine
from corral.engine.container.lookup import not_running
from corral.engine.container.record import Status
from corral.errors import Conflict, Internal, Invalid

__all__ = ["parse", "top"]

_TITLED_PID: Final = re.compile(r"\s(\S*)=\s*(PID\S*)", re.ASCII)
"""What ps calls a column: "comm=PID"."""


async def top(engine: Engine, ref: str, ps_args: str) -> TopResponse:
    """``ps_args`` as ps(1) takes them, "" for ``-ef``. Raises Conflict, Invalid, Internal with what ps said."""
    record = engine.store.find(ref)
    if record.status is Status.RESTARTING:
        raise Conflict(f"Container {record.id} is restarting, wait until the container is running")
    if not record.status.has_process:
        raise not_running(record)
    pids = await engine.driver.pids(record.id)
    arguments = _arguments(ps_args)
    listing = ",".join(map(str, pids))
    status, output, complaint = await _ps(*arguments, "-q", listing)
    if status != 0:  # not every selection goes with -q
        status, output, complaint = await _ps(*arguments)
    if status != 0:
        reason = complaint.strip().partition("\n")[0] or f"exit status {status}"
        raise Internal(f"ps: {reason}")
    response = parse(output, set(pids))
    news.emit(engine, record, "top")
    return response


def _arguments(text: str) -> list[str]:
    """Words between white space, as they are: no shell reads them. Raises Invalid for another column's title being PID,
    by which processes are recognized."""
    for name, title in _TITLED_PID.findall(f" {text}"):
        if name != "pid":
            raise Invalid(f'specifying "{name}={title}" is not allowed')
    return text.split() or ["-ef"]


async def _ps(*arguments: str) -> tuple[int, str, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            "ps",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise Internal(f"cannot run ps: {error}") from error
    output, complaint = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace"), complaint.decode(errors="replace")


def parse(output: str, pids: Collection[int]) -> TopResponse:
    """The table of ps, only with the lines of ``pids``. The last column takes the rest. Raises Internal."""
    lines = output.splitlines()
    titles = lines[0].split() if lines else []
    if "PID" not in titles:
        raise Internal("Couldn't find PID field in ps output")
    column = titles.index("PID")
    processes = []
    for line in lines[1:]:
        fields = line.split()
        if len(fields) <= column:
            continue
        if not fields[column].isdecimal():
            raise Internal(f"Unexpected pid '{fields[column]}': invalid syntax")
        if int(fields[column]) in pids:
            last = len(titles) - 1
            processes.append([*fields[:last], " ".join(fields[last:])])
    return TopResponse(titles=titles, processes=processes)
