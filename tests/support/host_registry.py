"""Debian's docker-registry inside a test host's network namespace, and a client of it from outside."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from corral.linux.namespace import setns
from support.host import TestHost
from support.registry_server import Client

T = TypeVar("T")
PORT = 5000
CLONE_NEWNET = 0x40000000


def entered(host: TestHost, action: Callable[[], T]) -> T:
    """What ``action`` returns, done by a thread in the host's network namespace; a socket that it makes stays there."""

    def run() -> T:
        fd = os.open(f"/run/netns/{host.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(fd, CLONE_NEWNET)
        finally:
            os.close(fd)
        return action()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: TestHost, port: int) -> None:
        super().__init__("127.0.0.1", port, timeout=20)
        self._within = host

    def connect(self) -> None:
        self.sock = entered(self._within, lambda: socket.create_connection(("127.0.0.1", self.port), 20))


class HostClient(Client):
    """As `Client`, to a port of the host's loopback."""

    def __init__(self, within: TestHost, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self._within = within

    def connection(self) -> http.client.HTTPConnection:
        return _Connection(self._within, self.port)


class HostRegistry:
    """``extra`` is YAML of the registry's configuration. `start` again after `kill`."""

    def __init__(self, host: TestHost, root: Path, port: int = PORT, extra: str = "") -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.address = f"127.0.0.1:{port}"
        self.client = HostClient(host, port)
        self._host = host
        self._port = port
        self._configuration = root / "config.yml"
        self._configuration.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {root}/data}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: '{self.address}'}}\n{extra}"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["nsenter", f"--net=/run/netns/{self._host.name}", "docker-registry", "serve"]
        self._process = subprocess.Popen(
            [*command, str(self._configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                self.client("GET", "/v2/")
                return
            assert time.monotonic() < deadline and self._process.poll() is None, "docker-registry does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def registry_in(host: TestHost, root: Path, port: int = PORT, extra: str = "") -> Iterator[HostRegistry]:
    registry = HostRegistry(host, root, port, extra)
    registry.start()
    try:
        yield registry
    finally:
        registry.kill()
