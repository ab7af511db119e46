"""attach: the client's own socket becomes the container's standard streams."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import struct

from corral.api.types.container import AttachOptions, LogsOptions
from corral.engine.container import detachkeys, news
from corral.engine.container.context import Engine, Upgrade
from corral.engine.container.logs import read_logs
from corral.engine.container.lookup import still_there
from corral.engine.container.record import ContainerRecord, Status
from corral.errors import Conflict
from corral.runtime.driver import Attachment

__all__ = ["attach"]


async def attach(engine: Engine, ref: str, options: AttachOptions, upgrade: Upgrade) -> None:
    """Checks first, then calls ``upgrade``; returns when the streams are connected, or wait for the next start.

    Raises NotFound, Conflict, Invalid.
    """
    record = engine.store.find(ref)
    keys = detachkeys.parse(options.detach_keys)
    _check(record)
    fd, early = await upgrade(not record.config.tty)
    try:
        if options.logs:
            await _replay(engine, record, options, fd)
        news.emit(engine, record, "attach")
        if not options.stream:
            return
        attachment = Attachment(
            fd=fd,
            stdin=options.stdin and record.config.open_stdin,
            stdout=options.stdout,
            stderr=options.stderr,
            detach_keys=keys,
            initial_input=early,
        )
        fd = -1
        await _connect(engine, record, attachment)
    finally:
        if fd >= 0:
            _hang_up(fd)


def _check(record: ContainerRecord) -> None:
    if record.status is Status.PAUSED:
        raise Conflict(f"container {record.name} is paused, unpause the container before attach")
    if record.status is Status.RESTARTING:
        raise Conflict(f"container {record.name} is restarting, wait until the container is running")


async def _connect(engine: Engine, record: ContainerRecord, attachment: Attachment) -> None:
    """To the running container; or else its next start takes the socket along."""
    live = engine.live[record.id]
    async with live.lock:
        try:
            current = still_there(engine, record.id)
        except BaseException:
            _hang_up(attachment.fd)
            raise
        if current.status.has_process:
            await engine.driver.attach(record.id, None, attachment)
            return
        abandoned = [waiting for waiting in live.attachments if _has_hung_up(waiting.fd)]
        for waiting in abandoned:
            live.attachments.remove(waiting)
            os.close(waiting.fd)
        live.attachments.append(attachment)


def _has_hung_up(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLHUP)
    return bool(poll.poll(0))


def _hang_up(fd: int) -> None:
    with socket.socket(fileno=fd) as connection:
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            return


async def _replay(engine: Engine, record: ContainerRecord, options: AttachOptions, fd: int) -> None:
    """What was logged so far, through the socket."""
    wanted = LogsOptions(stdout=options.stdout, stderr=options.stderr)
    loop = asyncio.get_running_loop()
    with socket.socket(fileno=os.dup(fd)) as connection:
        connection.setblocking(False)
        async for stream, data in read_logs(engine, record, wanted):
            header = b"" if record.config.tty else struct.pack(">BxxxL", stream, len(data))
            await loop.sock_sendall(connection, header + data)
