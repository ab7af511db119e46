"""The pull-through cache, in front of a registry that can be stopped, slowed and corrupted."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import http.server
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.registry_server import OCI_MANIFEST, Process, registry, sha256

NAME = "library/thing"
ACCEPT = {"Accept": OCI_MANIFEST}


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Process]:
    with registry(tmp_path / "upstream") as process:
        yield process


def cache(tmp_path: Path, port: int, *arguments: str) -> contextlib.AbstractContextManager[Process]:
    return registry(tmp_path / "cache", "--proxy", f"http://127.0.0.1:{port}", *arguments)


def counter(process: Process, name: str) -> float:
    lines = process.client()("GET", "/metrics").body.decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"corral_registry_{name} "))


def test_what_was_pulled_once_is_there_when_upstream_is_not(tmp_path: Path, upstream: Process) -> None:
    layer = os.urandom(1_000_000)
    digest = upstream.client().push_image(NAME, "latest", layer)
    with cache(tmp_path, upstream.port) as process:
        client = process.client()
        assert client("GET", f"/v2/{NAME}/manifests/latest", headers=ACCEPT).headers["docker-content-digest"] == digest
        assert client("GET", f"/v2/{NAME}/blobs/{sha256(layer)}").body == layer
        assert client("GET", f"/v2/{NAME}/blobs/{sha256(b'{}')}").body == b"{}"
        assert counter(process, "proxy_misses_total") == 3
        upstream.stop()
        answer = client("GET", f"/v2/{NAME}/manifests/latest")
        assert (answer.status, answer.headers["docker-content-digest"]) == (200, digest)
        assert answer.headers["warning"].startswith("299 - ")
        assert client("GET", f"/v2/{NAME}/manifests/{digest}").status == 200
        assert client("GET", f"/v2/{NAME}/blobs/{sha256(layer)}").body == layer
        assert client("GET", f"/v2/{NAME}/tags/list").json["tags"] == ["latest"]
        answer = client("GET", f"/v2/{NAME}/manifests/other")
        assert (answer.status, answer.error) == (502, "UNAVAILABLE")


def test_a_tag_that_moves_is_seen(tmp_path: Path, upstream: Process) -> None:
    first = upstream.client().push_image(NAME, "latest", b"first")
    with cache(tmp_path, upstream.port) as process:
        client = process.client()
        assert client("HEAD", f"/v2/{NAME}/manifests/latest").headers["docker-content-digest"] == first
        second = upstream.client().push_image(NAME, "latest", b"second")
        assert client("HEAD", f"/v2/{NAME}/manifests/latest").headers["docker-content-digest"] == second
        upstream.client().push_manifest(NAME, "latest", upstream.client().image(NAME, b"first"))
        assert client("HEAD", f"/v2/{NAME}/manifests/latest").headers["docker-content-digest"] == first


def test_what_upstream_has_not_is_404_and_nothing_can_be_pushed(tmp_path: Path, upstream: Process) -> None:
    with cache(tmp_path, upstream.port) as process:
        client = process.client()
        assert client("GET", f"/v2/{NAME}/manifests/latest").error == "MANIFEST_UNKNOWN"
        assert client("GET", f"/v2/{NAME}/blobs/{sha256(b'x')}").error == "BLOB_UNKNOWN"
        assert client("HEAD", f"/v2/{NAME}/blobs/{sha256(b'x')}").status == 404
        assert client("POST", f"/v2/{NAME}/blobs/uploads/", b"").status == 405


def test_a_blob_of_one_repository_is_not_given_to_another(tmp_path: Path, upstream: Process) -> None:
    digest = upstream.client().push_blob("private/a", b"content of a")
    upstream.client().push_blob("public/b", b"another")
    with cache(tmp_path, upstream.port) as process:
        client = process.client()
        assert client("GET", f"/v2/private/a/blobs/{digest}").status == 200
        assert client("GET", f"/v2/public/b/blobs/{digest}").status == 404


def test_ranges_work_while_the_blob_is_fetched(tmp_path: Path, upstream: Process) -> None:
    content = os.urandom(3_000_000)
    digest = upstream.client().push_blob(NAME, content)
    with cache(tmp_path, upstream.port) as process:
        answer = process.client()("GET", f"/v2/{NAME}/blobs/{digest}", headers={"Range": "bytes=2000000-2000009"})
        assert (answer.status, answer.body) == (206, content[2_000_000:2_000_010])


class Scripted(http.server.BaseHTTPRequestHandler):
    """Upstream as a script: ``answer`` gives what GET of a blob gets; how often is counted."""

    protocol_version = "HTTP/1.1"
    answer: Callable[[Scripted, int], None]
    gets = 0

    def do_GET(self) -> None:
        type(self).gets += 1
        type(self).answer(self, type(self).gets)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass

    def head(self, length: int, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()


@contextlib.contextmanager
def scripted(answer: Callable[[Scripted, int], None]) -> Iterator[tuple[int, type[Scripted]]]:
    handler = type("Handler", (Scripted,), {"answer": answer, "gets": 0})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], handler
    finally:
        server.shutdown()
        server.server_close()


def test_concurrent_misses_are_one_request(tmp_path: Path) -> None:
    content = os.urandom(2_000_000)

    def slowly(handler: Scripted, _: int) -> None:
        handler.head(len(content))
        for start in range(0, len(content), 400_000):
            handler.wfile.write(content[start : start + 400_000])
            time.sleep(0.1)

    with scripted(slowly) as (port, handler), cache(tmp_path, port) as process:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            path = f"/v2/{NAME}/blobs/{sha256(content)}"
            answers = list(pool.map(lambda _: process.client()("GET", path), range(8)))
        assert all(answer.body == content for answer in answers)
        assert handler.gets == 1


def test_what_breaks_off_is_taken_up_by_a_range(tmp_path: Path) -> None:
    content = os.urandom(1_000_000)
    ranges = []

    def breaking(handler: Scripted, number: int) -> None:
        ranges.append(handler.headers["Range"])
        if number == 1:
            handler.head(len(content))
            handler.wfile.write(content[:600_000])
            handler.close_connection = True
        else:
            begin = int(handler.headers["Range"].removeprefix("bytes=").rstrip("-"))
            handler.head(len(content) - begin, 206)
            handler.wfile.write(content[begin:])

    with scripted(breaking) as (port, _), cache(tmp_path, port) as process:
        assert process.client()("GET", f"/v2/{NAME}/blobs/{sha256(content)}").body == content
    assert ranges[0] is None
    assert ranges[1].startswith("bytes=")


def test_a_blob_with_another_digest_is_never_given_whole_and_not_kept(tmp_path: Path) -> None:
    content = os.urandom(300_000)

    def lying(handler: Scripted, _: int) -> None:
        handler.head(len(content))
        handler.wfile.write(content)

    with scripted(lying) as (port, _), cache(tmp_path, port) as process:
        digest = sha256(b"something else")
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            process.client()("GET", f"/v2/{NAME}/blobs/{digest}")
    assert [path for path in (tmp_path / "cache").rglob("blobs/*/*") if path.is_file()] == []


def test_a_manifest_with_another_digest_is_refused(tmp_path: Path) -> None:
    def lying(handler: Scripted, _: int) -> None:
        handler.head(2)
        handler.wfile.write(b"{}")

    with scripted(lying) as (port, _), cache(tmp_path, port) as process:
        answer = process.client()("GET", f"/v2/{NAME}/manifests/{sha256(b'other')}")
        assert (answer.status, answer.error) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("flag", [(), ("--basic",)], ids=["bearer", "basic"])
def test_upstream_may_want_a_password(tmp_path: Path, flag: tuple[str, ...]) -> None:
    pytest.importorskip("bcrypt")
    from corral.registry.auth.htpasswd import new_line

    (tmp_path / "users").write_text(new_line("cache", "secret"))
    (tmp_path / "password").write_text("secret\n")
    with registry(tmp_path / "upstream", "--htpasswd", str(tmp_path / "users"), *flag) as upstream:
        credentials = {"Authorization": "Basic Y2FjaGU6c2VjcmV0"}
        digest = upstream.client(None, **credentials).push_image(NAME, "latest", b"layer")
        arguments = ("--proxy-user", "cache", "--proxy-password-file", str(tmp_path / "password"))
        with cache(tmp_path, upstream.port, *arguments) as process:
            answer = process.client()("GET", f"/v2/{NAME}/manifests/latest")
            assert answer.headers["docker-content-digest"] == digest
            assert process.client()("GET", f"/v2/{NAME}/blobs/{sha256(b'layer')}").body == b"layer"
        assert "secret" not in "".join(process.lines)
