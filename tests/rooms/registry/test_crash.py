"""``kill -9`` of the server at any moment: what was acknowledged is there, what was not is nowhere."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import random
import socket
import threading
import time
from pathlib import Path

from support.registry_server import Client, Process, registry, sha256, start, with_query

NAME = "crash/test"


def _blob_files(root: Path) -> dict[str, bytes]:
    return {
        f"{path.parent.name}:{path.name}": path.read_bytes() for path in (root / "blobs").rglob("*") if path.is_file()
    }


def _assert_whole(root: Path) -> None:
    for digest, content in _blob_files(root).items():
        algorithm, _, encoded = digest.partition(":")
        assert hashlib.new(algorithm, content).hexdigest() == encoded


def test_what_was_acknowledged_survives_a_kill_and_nothing_half_is_seen(tmp_path: Path) -> None:
    root = tmp_path / "root"
    random.seed(7)
    acknowledged: dict[str, tuple[str, bytes]] = {}
    attempted: set[str] = set()
    for round_ in range(6):
        process = start(root, "--workers", "2" if round_ % 2 else "1")
        threads = [
            threading.Thread(
                target=_push_until_it_dies, args=(process.client(), acknowledged, attempted, f"{round_}-{n}")
            )
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.1, 0.4))
        process.kill()
        for thread in threads:
            thread.join()
    assert acknowledged
    with registry(root) as process:
        _assert_whole(root)
        client = process.client()
        for tag, (digest, content) in acknowledged.items():
            assert client("GET", f"/v2/{NAME}/blobs/{digest}").body == content
            assert client("GET", f"/v2/{NAME}/manifests/{tag}").status == 200
        for digest in attempted - {digest for digest, _ in acknowledged.values()}:
            answer = client("GET", f"/v2/{NAME}/blobs/{digest}")
            assert answer.status == 404 or sha256(answer.body) == digest


def _push_until_it_dies(
    client: Client, acknowledged: dict[str, tuple[str, bytes]], attempted: set[str], prefix: str
) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        for number in range(10_000):
            content = os.urandom(random.randrange(1, 300_000))
            attempted.add(sha256(content))
            tag = f"t{prefix}-{number}"
            client.push_image(NAME, tag, content)
            acknowledged[tag] = (sha256(content), content)


def test_an_upload_goes_on_where_the_killed_server_left_it(tmp_path: Path) -> None:
    content = os.urandom(500_000)
    process = start(tmp_path)
    client = process.client()
    location = client("POST", f"/v2/{NAME}/blobs/uploads/", b"").headers["location"]
    location = client("PATCH", location, content[:200_000]).headers["location"]
    process.kill()
    with registry(tmp_path) as again:
        client = again.client()
        status = client("GET", location)
        assert (status.status, status.headers["range"]) == (204, "0-199999")
        assert client("PATCH", location, content[200_000:], {"Content-Range": "200000-499999"}).status == 202
        assert client("PUT", with_query(location, digest=sha256(content)), b"").status == 201
        assert client("GET", f"/v2/{NAME}/blobs/{sha256(content)}").body == content


def test_a_body_that_breaks_off_is_no_blob_and_can_be_continued(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    with registry(tmp_path) as process:
        client = process.client()
        location = client("POST", f"/v2/{NAME}/blobs/uploads/", b"").headers["location"]
        _send_part(process, "PATCH", location, content, 2_000_000)
        deadline = time.monotonic() + 10
        while (written := _offset(client, location)) == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert client("HEAD", f"/v2/{NAME}/blobs/{sha256(content)}").status == 404
        while client("PATCH", location, b"").status == 409 and time.monotonic() < deadline:
            time.sleep(0.02)  # the broken request still holds it
        written = _offset(client, location)
        assert 0 < written <= 2_000_000
        rest = {"Content-Range": f"{written}-{len(content) - 1}"}
        assert client("PUT", with_query(location, digest=sha256(content)), content[written:], rest).status == 201
        assert client("GET", f"/v2/{NAME}/blobs/{sha256(content)}").body == content


def _offset(client: Client, location: str) -> int:
    last = int(client("GET", location).headers["range"].removeprefix("0-"))
    return last + 1 if last else 0


def _send_part(process: Process, method: str, path: str, content: bytes, count: int) -> None:
    with socket.create_connection(("127.0.0.1", process.port)) as sock:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
        sock.sendall(head.encode() + content[:count])


def test_a_worker_that_dies_is_replaced_and_the_parent_takes_them_with_it(tmp_path: Path) -> None:
    process = start(tmp_path, "--workers", "2")
    try:
        deadline = time.monotonic() + 10
        while len(children := _children(process.popen.pid)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(children[0], 9)
        deadline = time.monotonic() + 10
        while len(now := _children(process.popen.pid)) < 2 or children[0] in now:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert process.client()("GET", "/v2/").status == 200
    finally:
        children = _children(process.popen.pid)
        process.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_end_waits_for_the_requests_that_are_under_way(tmp_path: Path) -> None:
    content = os.urandom(2_000_000)
    process = start(tmp_path)
    location = process.client()("POST", f"/v2/{NAME}/blobs/uploads/?", b"").headers["location"]
    with socket.create_connection(("127.0.0.1", process.port)) as sock:
        path = with_query(location, digest=sha256(content))
        sock.sendall(
            f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content[:1000]
        )
        time.sleep(0.3)
        process.popen.terminate()
        time.sleep(0.3)
        sock.sendall(content[1000:])
        assert sock.recv(100).startswith(b"HTTP/1.1 201")
    assert process.popen.wait(15) == 0


def test_two_servers_do_not_share_a_root(tmp_path: Path) -> None:
    from support.registry_server import refusal

    with registry(tmp_path):
        assert refusal("--root", str(tmp_path)) == f"another registry serves {tmp_path}"
