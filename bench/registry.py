"""``python -m bench.registry``: the embedded registry against docker-registry, each on this machine, taking turns.

A pull is what an engine does: a connection, the manifest by tag (HEAD), by digest (GET), the configuration, the layers.
The clients are processes of their own that speak HTTP on a plain socket and have the kernel drop the bodies
(MSG_TRUNC on a TCP socket copies nothing), so that what is measured is the server and the loopback.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
REPOSITORY = "bench/image"
_WINDOW = 4 << 20


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    pid: int


class Connection:
    """One HTTP/1.1 connection that is kept alive."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(_WINDOW)

    def close(self) -> None:
        self._sock.close()

    def request(
        self, method: str, path: str, body: bytes | None = None, kind: str = "text/plain", *, keep: bool = True
    ) -> tuple[int, dict[str, str], bytes]:
        """``keep``: whether the body is wanted; it is dropped in the kernel otherwise."""
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAccept: {MANIFEST}\r\n"
        if body is not None:
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self._sock.sendall(head.encode() + b"\r\n" + (body or b""))
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            piece = self._sock.recv(4096)
            if not piece:
                raise ConnectionResetError("no answer")
            received += piece
        lines = received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        content = bytes(received[end + 4 :])
        left = int(headers.get("content-length", "0")) - len(content)
        if method == "HEAD":
            left, content = 0, b""
        while left > 0:
            if keep:
                piece = self._sock.recv(min(left, _WINDOW))
                count = len(piece)
                content += piece
            else:
                count = self._sock.recv_into(self._buffer, min(left, _WINDOW), socket.MSG_TRUNC)
            if not count:
                raise ConnectionResetError("the body is short")
            left -= count
        return int(lines[0].split()[1]), headers, content


def push(port: int, layers: int, size: int) -> None:
    connection = Connection(port)

    def blob(content: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        _, headers, _ = connection.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", b"")
        path = headers["location"].removeprefix("http://bench").removeprefix("http://127.0.0.1")
        joint = "&" if "?" in path else "?"
        status, _, _ = connection.request("PUT", f"{path}{joint}digest={digest}", content)
        assert status == 201, status
        return {"mediaType": "application/octet-stream", "digest": digest, "size": len(content)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob(b"{}") | {"mediaType": "application/vnd.oci.image.config.v1+json"},
        "layers": [blob(os.urandom(size // layers)) for _ in range(layers)],
    }
    status, _, answer = connection.request(
        "PUT", f"/v2/{REPOSITORY}/manifests/latest", json.dumps(manifest).encode(), MANIFEST
    )
    assert status == 201, answer
    connection.close()


def pull(port: int) -> None:
    connection = Connection(port)
    status, headers, _ = connection.request("HEAD", f"/v2/{REPOSITORY}/manifests/latest")
    assert status == 200
    _, _, content = connection.request("GET", f"/v2/{REPOSITORY}/manifests/{headers['docker-content-digest']}")
    manifest = json.loads(content)
    for part in (manifest["config"], *manifest["layers"]):
        status, headers, _ = connection.request("GET", f"/v2/{REPOSITORY}/blobs/{part['digest']}", keep=False)
        assert status == 200 and int(headers["content-length"]) == part["size"]
    connection.close()


def storm(port: int, clients: int, pulls: int) -> float:
    """Seconds until all pulls are done."""
    children = []
    begin = time.perf_counter()
    for number in range(clients):
        pid = os.fork()
        if pid == 0:
            status = 1
            with contextlib.suppress(BaseException):
                for _ in range(number, pulls, clients):
                    pull(port)
                status = 0
            os._exit(status)
        children.append(pid)
    failed = sum(os.waitpid(pid, 0)[1] != 0 for pid in children)
    seconds = time.perf_counter() - begin
    if failed:
        raise RuntimeError(f"{failed} of {clients} clients failed")
    return seconds


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def running(name: str, command: Callable[[Path, int], list[str]]) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="bench-registry-") as directory:
        port = _free_port()
        process = subprocess.Popen(command(Path(directory), port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 20
            while True:
                with contextlib.suppress(OSError):
                    Connection(port).close()
                    break
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{name} does not answer")
                time.sleep(0.05)
            yield Server(name, port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def ours(workers: int) -> Callable[[Path, int], list[str]]:
    def command(directory: Path, port: int) -> list[str]:
        return [
            *(sys.executable, "-m", "corral.cli.main", "registry", "serve", "--root", str(directory)),
            *("--addr", f"127.0.0.1:{port}", "--workers", str(workers)),
        ]

    return command


def reference(directory: Path, port: int) -> list[str]:
    configuration = directory / "config.yml"
    configuration.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory}/data}}, cache: {{blobdescriptor: inmemory}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n"
    )
    return ["docker-registry", "serve", str(configuration)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.registry", description=__doc__)
    parser.add_argument("--pulls", type=int, default=200, help="(%(default)s)")
    parser.add_argument("--clients", type=int, default=16, help="(%(default)s)")
    parser.add_argument("--size", type=int, default=10_000_000, help="bytes of the image (%(default)s)")
    parser.add_argument("--layers", type=int, default=4, help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    arguments = parser.parse_args()
    candidates: list[tuple[str, Callable[[Path, int], list[str]]]] = [
        ("corral", ours(1)),
        (f"corral, {os.cpu_count()} workers", ours(os.cpu_count() or 1)),
    ]
    if shutil.which("docker-registry"):
        candidates.append(("docker-registry", reference))
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(running(name, command)) for name, command in candidates]
        for server in servers:
            push(server.port, arguments.layers, arguments.size)
            storm(server.port, 2, 4)
        figures: dict[str, list[float]] = {server.name: [] for server in servers}
        for _ in range(arguments.rounds):
            for server in servers:
                figures[server.name].append(storm(server.port, arguments.clients, arguments.pulls))
    generator = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("| registry | seconds | pulls/s | MB/s |\n|---|---|---|---|")
    for name, samples in figures.items():
        seconds = statistics.median(samples)
        rate = arguments.pulls / seconds
        print(f"| {name} | {seconds:.2f} | {rate:.0f} | {rate * arguments.size / 1e6:.0f} |")
    print(f"\nclients used {generator.ru_utime + generator.ru_stime:.1f} s of processor time", file=sys.stderr)


if __name__ == "__main__":
    main()
