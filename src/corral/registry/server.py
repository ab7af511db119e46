"""The process, or the processes: lock the root, bind, serve, and end in good order.

One worker serves in the process itself. More are forked before anything is opened and share the listening socket; the
parent does nothing but watch them: one that dies is replaced, and if the parent dies they see the end of a pipe and go.
Worker 0 collects the garbage.

Signals: TERM and INT end it after the requests that are under way; HUP reads passwords, rules and certificates again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from corral.errors import CorralError, Invalid, Unavailable
from corral.registry.auth.access import Access
from corral.registry.auth.tokens import Signer, load_key
from corral.registry.measures import Measures
from corral.registry.settings import Address, Settings
from corral.registry.storage.storage import Storage
from corral.registry.tls import tls_context
from corral.registry.worker import Worker
from corral.store.content import Blobs
from corral.store.layout import RegistryRoot
from corral.store.lock import exclusive

__all__ = ["serve"]

log = logging.getLogger("corral.registry")

_BACKLOG: Final = 1024
_PAUSE: Final = 1.0
"""Seconds between the death of a worker and its replacement."""


def serve(settings: Settings) -> None:
    """Until a signal ends it. Raises CorralError when it cannot begin."""
    root = RegistryRoot(settings.root)
    try:
        root.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Invalid(f"cannot make {root.root}: {(error.strerror or str(error)).lower()}") from None
    with contextlib.ExitStack() as stack:
        stack.enter_context(exclusive(root.lock, f"another registry serves {root.root}"))
        signer = Signer(load_key(root.token_key), settings.token_service, settings.token_lifetime)
        Access(settings.access, signer)  # what is wrong with the files is said before anything is bound
        tls = tls_context(settings.tls) if settings.tls else None
        sock = stack.enter_context(listen(settings.address))
        Storage(root).close()  # made by one, before several open it
        Blobs(root.blobs, root.ingest).clean(settings.upload_timeout)
        measures = Measures(settings.workers)
        scheme = "https" if settings.tls else "http"
        shown = _shown(settings.address, sock, scheme)

        def work(number: int, parent_end: int | None) -> None:
            asyncio.run(Worker(settings, root, signer, measures, number).run(sock, shown, tls, parent_end))

        if settings.workers == 1:
            work(0, None)
        else:
            _Parent(settings.workers, work).run()
    log.info("registry has ended")


@contextlib.contextmanager
def listen(address: Address) -> Iterator[socket.socket]:
    """Raises Unavailable."""
    try:
        if address.path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(address.path)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.bind(address.path)
            sock.listen(_BACKLOG)
        else:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            both = not address.host and socket.has_dualstack_ipv6()
            sock = socket.create_server(
                (address.host, address.port),
                family=socket.AF_INET6 if both else family,
                backlog=_BACKLOG,
                dualstack_ipv6=both,
            )
    except OSError as error:
        raise Unavailable(f"cannot listen on {address}: {(error.strerror or str(error)).lower()}") from None
    with sock:
        yield sock
    if address.path:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address.path)


def _shown(address: Address, sock: socket.socket, scheme: str) -> str:
    if address.path:
        return str(address)
    return f"{scheme}://{Address(address.host or '0.0.0.0', sock.getsockname()[1])}"


class _Parent:
    def __init__(self, count: int, work: Callable[[int, int | None], None]) -> None:
        self._count = count
        self._work = work
        self._workers: dict[int, int] = {}
        self._stopping = False
        self._read_end, self._write_end = os.pipe()

    def run(self) -> None:
        for known in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(known, self._pass_on)
        for number in range(self._count):
            self._start(number)
        while self._workers:
            pid, status = os.wait()
            number = self._workers.pop(pid)
            if self._stopping:
                continue
            log.error("worker %d has ended with status %d", number, os.waitstatus_to_exitcode(status))
            time.sleep(_PAUSE)
            if not self._stopping:
                self._start(number)

    def _start(self, number: int) -> None:
        pid = os.fork()
        if pid:
            self._workers[pid] = number
            return
        status = 1
        try:
            os.close(self._write_end)
            for known in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(known, signal.SIG_DFL)
            self._work(number, self._read_end)
            status = 0
        except CorralError as error:
            log.error("%s", error)  # noqa: TRY400 (the one line says it all)
        except BaseException:
            log.exception("worker %d failed", number)
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _pass_on(self, number: int, _frame: object) -> None:
        self._stopping = self._stopping or number != signal.SIGHUP
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
