"""Registries for tests: ours and Debian's, each a process of its own on a free port of the loopback; a plain client."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import queue
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
PATIENCE = 20.0


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def sha512(content: bytes) -> str:
    return f"sha512:{hashlib.sha512(content).hexdigest()}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The code of the only error."""
        (only,) = self.json["errors"]
        return only["code"]


class Client:
    """One request a connection; ``headers`` are sent with each."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None, **headers: str) -> None:
        self.host = host
        self.port = port
        self._tls = tls
        self.headers = headers

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        if "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, http_headers(response), response.read())

    def connection(self) -> http.client.HTTPConnection:
        if self._tls:
            return http.client.HTTPSConnection(self.host, self.port, context=self._tls, timeout=PATIENCE)
        return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)

    # -- what most tests need first

    def push_blob(self, repository: str, content: bytes, digest: str = "") -> str:
        digest = digest or sha256(content)
        begun = self("POST", f"/v2/{repository}/blobs/uploads/", b"")
        assert begun.status == 202, begun
        done = self("PUT", with_query(begun.headers["location"], digest=digest), content)
        assert done.status == 201, done
        return digest

    def push_manifest(self, repository: str, tag: str, manifest: dict[str, Any]) -> str:
        content = json.dumps(manifest).encode()
        done = self(
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            content,
            {"Content-Type": manifest.get("mediaType", OCI_MANIFEST)},
        )
        assert done.status == 201, done
        return sha256(content)

    def push_image(self, repository: str, tag: str, *layers: bytes, **extra: Any) -> str:
        return self.push_manifest(repository, tag, self.image(repository, *layers, **extra))

    def image(self, repository: str, *layers: bytes, config: bytes = b"{}", **extra: Any) -> dict[str, Any]:
        """A manifest whose blobs have been pushed."""
        for content in (config, *layers):
            self.push_blob(repository, content)
        return manifest_of(config, *layers, **extra)


def http_headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def manifest_of(config: bytes, *layers: bytes, config_type: str = OCI_CONFIG, **extra: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, config_type),
        "layers": [descriptor(layer, OCI_LAYER) for layer in layers],
        **extra,
    }


def descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content)}


def with_query(location: str, **parameters: str) -> str:
    return (
        location + ("&" if "?" in location else "?") + "&".join(f"{key}={value}" for key, value in parameters.items())
    )


class Process:
    """A registry that runs. ``lines`` is what it has logged."""

    def __init__(self, popen: subprocess.Popen[str], port: int, lines: list[str]) -> None:
        self.popen = popen
        self.port = port
        self.lines = lines

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def client(self, tls: ssl.SSLContext | None = None, **headers: str) -> Client:
        return Client("127.0.0.1", self.port, tls, **headers)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(PATIENCE)


_READY = re.compile(r"registry at \w+://\S+:([0-9]+) serves")


def _read(popen: subprocess.Popen[str], lines: list[str], port: queue.SimpleQueue[int]) -> None:
    """Until it ends; its port is put when it is told, and 0 when it never was."""
    assert popen.stderr is not None
    for line in popen.stderr:
        lines.append(line.rstrip())
        if match := _READY.search(line):
            port.put(int(match[1]))
    port.put(0)


def start(root: Path, *arguments: str, env: Mapping[str, str] = {}) -> Process:
    """``corral registry serve`` over ``root``; returns when it listens. Fails the test with its log if it ends."""
    command = [sys.executable, "-m", "corral.cli.main", "-l", "info", "registry", "serve", "--root", str(root)]
    if "--addr" not in arguments:
        command += ["--addr", "127.0.0.1:0"]
    popen = subprocess.Popen(
        [*command, *arguments], stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **env}
    )
    lines: list[str] = []
    port: queue.SimpleQueue[int] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(popen, lines, port), daemon=True).start()
    if number := port.get():
        return Process(popen, number, lines)
    raise AssertionError(f"the registry ended with {popen.wait()}: {lines}")


@contextlib.contextmanager
def registry(root: Path, *arguments: str, env: Mapping[str, str] = {}) -> Iterator[Process]:
    process = start(root, *arguments, env=env)
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.stop()


def start_unix(root: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """The same on a Unix socket, ``--addr unix:///PATH``; returns when the socket is there."""
    command = [sys.executable, "-m", "corral.cli.main", "registry", "serve", "--root", str(root), *arguments]
    popen = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    path = Path(arguments[arguments.index("--addr") + 1].removeprefix("unix://"))
    deadline = time.monotonic() + PATIENCE
    while not path.is_socket():
        assert time.monotonic() < deadline
        assert popen.poll() is None
        time.sleep(0.05)
    return popen


def refusal(*arguments: str) -> str:
    """The one line that ``corral registry serve`` ends with when it cannot begin."""
    command = [sys.executable, "-m", "corral.cli.main", "registry", "serve", "--addr", "127.0.0.1:0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1, done
    (line,) = done.stderr.strip().splitlines()
    return line


def has_reference() -> bool:
    return shutil.which("docker-registry") is not None


@contextlib.contextmanager
def reference(root: Path, extra: str = "", http: str = "") -> Iterator[Process]:
    """Debian's docker-registry; ``extra`` and ``http`` are YAML of its configuration, the latter inside of ``http``."""
    root.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    configuration = root / "config.yml"
    configuration.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {root}/data}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'{http}}}\n{extra}"
    )
    popen = subprocess.Popen(
        ["docker-registry", "serve", str(configuration)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            assert time.monotonic() < deadline and popen.poll() is None, "docker-registry does not answer"
            time.sleep(0.05)
        yield Process(popen, port, [])
    finally:
        popen.terminate()
        popen.wait()
