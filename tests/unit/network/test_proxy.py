"""The proxy for published ports, between sockets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from corral.network.portmap.ports import PortBinding
from corral.network.portmap.proxy import Proxy

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def published(handler: Handler | None) -> AsyncIterator[int]:
    """A proxied port in front of ``handler``; without one nobody listens there."""
    held = socket.create_server(("127.0.0.1", 0))
    held.setblocking(False)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(held.close)
        if handler is None:
            target = 1
        else:
            server = await asyncio.start_server(handler, "127.0.0.1", 0)
            stack.callback(server.close)
            target = server.sockets[0].getsockname()[1]
        proxy = Proxy("127.0.0.1", {PortBinding("tcp", target, "127.0.0.1", 0): held})
        stack.callback(proxy.close)
        yield held.getsockname()[1]


async def test_bytes_pass_both_ways_and_ends_are_kept_apart() -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())  # until the client has half-closed
        writer.close()

    async with published(shout) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        data = b"x" * 500_000
        writer.write(data)
        writer.write_eof()
        assert await reader.read() == data.upper()
        writer.close()


async def test_a_client_is_hung_up_on_when_nobody_listens() -> None:
    async with published(None) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_a_reset_ends_both_sides_and_the_next_client_is_served() -> None:
    ended = asyncio.Event()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x" * 65536)
                await writer.drain()
        ended.set()

    async with published(stream) as port:
        for _ in range(3):
            ended.clear()
            client = socket.create_connection(("127.0.0.1", port))
            client.setblocking(False)
            await asyncio.get_running_loop().sock_recv(client, 10)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            await asyncio.wait_for(ended.wait(), 5)


async def test_closing_cuts_what_is_connected() -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with published(wait) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        await asyncio.sleep(0)
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1)
