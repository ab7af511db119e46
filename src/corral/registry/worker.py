"""One serving process: opens the storage, answers requests, and in worker 0 collects garbage."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from corral.errors import CorralError
from corral.registry.auth.access import Access
from corral.registry.auth.tokens import Signer
from corral.registry.measures import Measures
from corral.registry.proxy.cache import Cache
from corral.registry.settings import Settings
from corral.registry.storage.collector import Plan, collect
from corral.registry.storage.storage import Storage
from corral.registry.storage.uploads import Limits, Uploads
from corral.registry.tls import load_certificates
from corral.registry.web.handler import Handler
from corral.registry.web.service import Policy, Service
from corral.store.layout import RegistryRoot

__all__ = ["Worker"]

log = logging.getLogger("corral.registry")

_HEAD_PATIENCE: Final = 30.0
"""Seconds in which a new connection must have sent a request's head."""
_KEEP_ALIVE: Final = 120.0
_FAREWELL: Final = 1.0
"""Seconds for the last bytes of answers, once every request has one."""
_LINE_MAXIMUM: Final = 16 << 10


class Worker:
    def __init__(self, settings: Settings, root: RegistryRoot, signer: Signer, measures: Measures, number: int) -> None:
        self._settings = settings
        self._root = root
        self._signer = signer
        self._measures = measures
        self._number = number
        self._stop = asyncio.Event()

    async def run(self, sock: socket.socket, shown: str, tls: ssl.SSLContext | None, parent_end: int | None) -> None:
        """Until a signal, or the end of ``parent_end``. ``shown`` is where it can be reached."""
        settings = self._settings
        self._measures.use(self._number)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        async with contextlib.AsyncExitStack() as stack:
            storage = Storage(self._root)
            stack.callback(storage.close)
            access = Access(settings.access, self._signer)
            uploads = Uploads(storage, Limits(storage, 0 if settings.proxy else settings.quota, settings.max_uploads))
            cache = (
                await stack.enter_async_context(Cache(settings.proxy, storage, self._measures))
                if settings.proxy
                else None
            )
            service = Service(storage, uploads, access, self._measures, _policy(settings), cache)
            handler = Handler(service, access_log=settings.access_log)
            server = _Server(handler)
            loop.add_signal_handler(signal.SIGHUP, self._reload, access, tls)
            if parent_end is not None:
                loop.add_reader(parent_end, self._stop.set)
            listener = await loop.create_server(server, sock=sock, ssl=tls)
            if self._number == 0:
                log.info("registry at %s serves %s", shown, self._root.root)
            chores = asyncio.create_task(self._collect(storage)) if self._number == 0 else None
            await self._stop.wait()
            listener.close()
            if chores is not None:
                chores.cancel()
                await asyncio.gather(chores, return_exceptions=True)
            await handler.finish(settings.shutdown_timeout)
            server.pre_shutdown()
            await server.shutdown(_FAREWELL)

    def _reload(self, access: Access, tls: ssl.SSLContext | None) -> None:
        """Keeps what was when what is now is wrong."""
        try:
            access.load()
            if tls is not None and self._settings.tls is not None:
                load_certificates(tls, self._settings.tls)
        except CorralError as error:
            log.error("not reloaded: %s", error)  # noqa: TRY400 (the one line says it all)
            return
        log.info("passwords, rules and certificates are read again")

    async def _collect(self, storage: Storage) -> None:
        settings = self._settings
        plan = Plan(
            grace=settings.collect_grace,
            uploads=settings.upload_timeout,
            unused=settings.proxy.keep if settings.proxy else 0,
            untagged=settings.collect_untagged,
            budget=settings.quota if settings.proxy else 0,
        )
        while settings.collect_interval:
            await asyncio.sleep(settings.collect_interval)
            try:
                done = await asyncio.to_thread(collect, storage, plan)
            except (CorralError, OSError) as error:
                log.warning("garbage is not collected: %s", error)
                continue
            self._measures.add("collected_blobs_total", done.blobs)
            self._measures.add("collected_bytes_total", done.size)
            if done.blobs or done.manifests or done.links or done.uploads_size:
                log.info("collected: %s", done)


def _policy(settings: Settings) -> Policy:
    window = settings.proxy.keep / 10 if settings.proxy else settings.collect_grace / 2
    return Policy(
        read_only=settings.read_only,
        deletes=settings.deletes,
        chunk_minimum=settings.chunk_minimum,
        touch_after=int(window * 1e9) if settings.collect_interval else 0,
    )


class _Server(web.Server):
    """Closes connections on which nothing that could be a request arrives."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(
            handler,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_KEEP_ALIVE,
            lingering_time=2,
            max_line_size=_LINE_MAXIMUM,
            max_field_size=_LINE_MAXIMUM,
        )

    def __call__(self) -> RequestHandler:
        connection = super().__call__()
        asyncio.get_running_loop().call_later(_HEAD_PATIENCE, _close_silent, connection)
        return connection


def _close_silent(connection: RequestHandler) -> None:
    if connection.transport is not None and not connection._request_count:
        connection.transport.abort()
