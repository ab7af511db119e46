"""The life of the process: configuration, checks, start, signals, reload, shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from corral import __version__
from corral.daemon import config as configuration
from corral.daemon import logs, machine
from corral.daemon.config import DaemonConfig
from corral.daemon.flags import usage
from corral.daemon.instance import keep_in_memory, lock_root, make_directories, pid_file
from corral.daemon.listeners import Listener, open_listeners, remove_sockets, tls_context
from corral.daemon.notify import notify
from corral.daemon.settings import SETTINGS
from corral.errors import CorralError, Unsupported
from corral.store.layout import DataRoot, ExecRoot

__all__ = ["entry", "main"]

log = logging.getLogger("corral.daemon")

_STOP: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
_IMPATIENCE: Final = 3
"""Signals after which shutdown no longer waits for anything, as with dockerd."""


def entry() -> None:
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 0 after an orderly end, 1 with one line on standard error otherwise."""
    try:
        config = configuration.load(arguments)
        if config.help:
            sys.stdout.write(usage(SETTINGS))
            return 0
        if config.version:
            sys.stdout.write(f"corral version {__version__}\n")
            return 0
        tls_context(config)
        if config.validate:
            sys.stderr.write("configuration OK\n")
            return 0
        return _run(config, arguments)
    except CorralError as error:
        sys.stderr.write(f"corrald: {error}\n")
        return 1


def _run(config: DaemonConfig, arguments: Sequence[str]) -> int:
    logs.set_up("debug" if config.debug else config.log_level, config.log_format)
    _check_machine()
    os.umask(0o022)
    os.chdir("/")
    data, execution = DataRoot(Path(config.data_root)), ExecRoot(Path(config.exec_root))
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock_root(data))
        keep_in_memory(execution)
        stack.enter_context(lock_root(execution))
        make_directories(data, execution)
        stack.enter_context(pid_file(Path(config.pidfile) if config.pidfile else execution.pid))
        listeners = open_listeners(config, dict(os.environ))
        for listener in listeners:
            stack.callback(listener.sock.close)
        asyncio.run(_Daemon(config, arguments, data, execution, listeners).run())
    return 0


def _check_machine() -> None:
    verdict = machine.judge(machine.look())
    if verdict.fatal:
        raise Unsupported("; ".join(verdict.fatal))
    for warning in verdict.warnings:
        log.warning("%s", warning)


class _Daemon:
    def __init__(
        self,
        config: DaemonConfig,
        arguments: Sequence[str],
        data: DataRoot,
        execution: ExecRoot,
        listeners: Sequence[Listener],
    ) -> None:
        self.config = config
        self.data = data
        self.execution = execution
        self._arguments = arguments
        self._listeners = listeners
        self._begun = time.monotonic()
        self._stop = asyncio.Event()
        self._signals = 0

    async def run(self) -> None:
        """Until a signal ends it."""
        gc.disable()
        from corral.daemon.services import Services

        loop = asyncio.get_running_loop()
        for number in _STOP:
            loop.add_signal_handler(number, self._on_stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)
        for name in self.config.ignored:
            log.warning("the setting %s has no effect yet", name)
        async with contextlib.AsyncExitStack() as stack:
            services = await Services.start(self.config, self.data, self.execution, stack)
            self._services = services
            app = services.app()
            tls = tls_context(self.config)
            for listener in self._listeners:
                await app.listen(listener.sock, tls if listener.address.kind == "tcp" else None)
                log.info("API listens on %s", listener.address.shown)
                if listener.address.kind == "tcp" and not self.config.tlsverify:
                    log.warning("whoever reaches %s is root on this host: use --tlsverify", listener.address.shown)
            services.begin()
            # What exists now stays: the collector need not look at it again, which took it tens of milliseconds.
            gc.freeze()
            gc.enable()
            notify(dict(os.environ), "READY=1")
            log.info("corral %s is ready after %d ms", __version__, (time.monotonic() - self._begun) * 1000)
            await self._stop.wait()
            notify(dict(os.environ), "STOPPING=1")
            remove_sockets(self._listeners)
            app.stop_accepting()
            timeout = self.config.shutdown_timeout
            await app.finish(timeout if timeout >= 0 else 1e9)
            if not self.config.live_restore:
                await services.stop_containers(timeout)
        log.info("corral has ended")

    def _on_stop(self, number: signal.Signals) -> None:
        self._signals += 1
        log.info("received %s: shutting down", number.name)
        self._stop.set()
        if self._signals >= _IMPATIENCE:
            log.warning("received %d signals: ending without waiting", self._signals)
            os._exit(128 + number)

    def _on_reload(self) -> None:
        """Keeps the old configuration when the new one is wrong."""
        try:
            self.config, changed = configuration.reload(self.config, self._arguments)
        except CorralError as error:
            log.error("configuration not reloaded: %s", error)  # noqa: TRY400 (the one line says it all)
            return
        logs.set_level("debug" if self.config.debug else self.config.log_level)
        self._services.reconfigure(self.config)
        log.info("configuration reloaded: %s", ", ".join(changed) or "nothing changed")
