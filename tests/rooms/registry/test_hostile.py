"""Requests that mean harm: each gets one line in the specification's form, or a closed connection; no traceback."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.registry_server import OCI_INDEX, OCI_MANIFEST, Process, manifest_of, registry, sha256

NAME = "hostile/test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    root = tmp_path_factory.mktemp("hostile")
    with registry(root / "root", "--max-uploads", "200") as process:
        process.client().push_blob(NAME, b"{}")
        yield process
        assert not any("Traceback" in line or "internal error" in line for line in process.lines), process.lines


def raw(server: Process, request: bytes, *, ends: bool = True) -> bytes:
    """All that comes back until the server closes. ``ends``: it is told that nothing more will come."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(request)
        if ends:
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := sock.recv(65536):
                answer += piece
        except (TimeoutError, ConnectionError):
            pass
        return answer


def request(
    server: Process, target: str, method: str = "GET", headers: str = "", body: bytes = b""
) -> tuple[int, bytes]:
    head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
    answer = raw(server, head.encode("utf-8", "surrogatepass") + body, ends=False)
    head_, _, content = answer.partition(b"\r\n\r\n")
    return int(head_.split()[1]), content


@pytest.mark.parametrize(
    "target",
    [
        "/v2/../../etc/passwd/manifests/latest",
        "/v2/a/../b/manifests/latest",
        "/v2/%2e%2e/%2e%2e/etc/blobs/sha256:" + "a" * 64,
        "/v2/a%2f..%2fb/tags/list",
        "/v2//tags/list",
        "/v2/a//b/tags/list",
        "/v2/a/manifests/..",
        "/v2/a/manifests/%2e%2e%2f%2e%2e",
        "/v2/a/blobs/sha256:../../../../etc/passwd",
        "/v2/a/blobs/../../x",
        "/v2/a/blobs/sha256:" + "A" * 64,
        "/v2/a/blobs/uploads/../../../../etc/passwd",
        "/v2/a/blobs/uploads/..%2f..%2fregistry.db",
        "/v2/a%00b/tags/list",
        "/v2/" + "a" * 300 + "/tags/list",
        "/v2/" + "a/" * 3000 + "tags/list",
        "/v2/a/tags/list?n=-1",
        "/v2/a/tags/list?n=99999999999999999999999",
        "/v2/a/tags/list?n=%D9%A1",
        "/v2/a/tags/list?" + "x=1&" * 500,
        "/v2/\xff\xfe/tags/list",
        "http://evil.example/v2/../x/tags/list",
        "*",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(server: Process, target: str) -> None:
    status, content = request(server, target)
    assert status in (400, 404)
    if content.startswith(b"{"):
        (error,) = json.loads(content)["errors"]
        assert "\n" not in error["message"]


def test_uploads_cannot_be_read_or_written_from_another_repository(server: Process) -> None:
    location = server.client()("POST", f"/v2/{NAME}/blobs/uploads/", b"").headers["location"]
    upload_id = location.rpartition("/")[2]
    for method in ("GET", "PATCH", "DELETE"):
        assert server.client()(method, f"/v2/other/name/blobs/uploads/{upload_id}", b"x").status == 404
    assert server.client()("DELETE", location).status == 204


def put(server: Process, content: bytes, kind: str = OCI_MANIFEST) -> tuple[int, str]:
    answer = server.client()("PUT", f"/v2/{NAME}/manifests/hostile", content, {"Content-Type": kind})
    if answer.status == 201:
        return 201, ""
    (error,) = answer.json["errors"]
    assert "\n" not in error["message"] + error.get("detail", "")
    return answer.status, error["code"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schemaVersion": 2, "config": ' + b'{"x":' * 50_000 + b"1" + b"}" * 50_001,
        b'{"schemaVersion": 1, "name": "x", "signatures": []}',
        b'{"schemaVersion": 2, "config": {"digest": "sha256:short"}}',
        b'{"schemaVersion": 2, "config": {"digest": "../../etc/passwd"}}',
        b'{"schemaVersion": 2, "layers": []}',
        b'{"schemaVersion": 2, "config": 5, "layers": {}}',
        b'{"schemaVersion": 2, "config": {"digest": 17}}',
        json.dumps({**manifest_of(b"{}"), "annotations": {"a": {"b": 1}}}).encode(),
        json.dumps({**manifest_of(b"{}"), "subject": {"digest": "nothing"}}).encode(),
        json.dumps({**manifest_of(b"{}"), "config": {**manifest_of(b"{}")["config"], "size": 3}}).encode(),
        json.dumps({**manifest_of(b"{}"), "config": {**manifest_of(b"{}")["config"], "size": 10**30}}).encode(),
    ],
    ids=range(18),
)
def test_a_manifest_that_is_none_is_400(server: Process, content: bytes) -> None:
    status, code = put(server, content)
    assert (status, code) in ((400, "MANIFEST_INVALID"), (400, "DIGEST_INVALID"))


def test_a_manifest_that_is_two_things_cve_2021_41190(server: Process) -> None:
    both = json.dumps({**manifest_of(b"{}"), "manifests": []}).encode()
    assert put(server, both) == (400, "MANIFEST_INVALID")
    confused = json.dumps({**manifest_of(b"{}"), "mediaType": OCI_INDEX}).encode()
    assert put(server, confused) == (400, "MANIFEST_INVALID")


def test_more_parts_than_anybody_needs_are_refused(server: Process) -> None:
    entry = {"digest": sha256(b"{}"), "size": 2}
    layers = [{**entry, "size": number} for number in range(20_000)]
    content = json.dumps({**manifest_of(b"{}"), "layers": layers}).encode()
    assert len(content) < 4 << 20
    assert put(server, content) == (400, "MANIFEST_INVALID")


def test_a_huge_manifest_is_refused_before_it_is_read(server: Process) -> None:
    head = f"Content-Type: {OCI_MANIFEST}\r\nContent-Length: {10**12}\r\n"
    begin = time.monotonic()
    status, _ = request(server, f"/v2/{NAME}/manifests/huge", "PUT", head, b"{" * 1000)
    assert status == 413
    assert time.monotonic() - begin < 4


def test_a_huge_manifest_in_chunks_is_refused(server: Process) -> None:
    head = f"Content-Type: {OCI_MANIFEST}\r\nTransfer-Encoding: chunked\r\n"
    piece = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
    try:
        status, _ = request(server, f"/v2/{NAME}/manifests/huge", "PUT", head, piece * 8 + b"0\r\n\r\n")
    except ConnectionError:
        return
    assert status == 413


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_mutated_manifests_get_one_line_each(server: Process, data: st.DataObject) -> None:
    value = json.loads(json.dumps({**manifest_of(b"{}", b"layer"), "annotations": {"a": "b"}, "artifactType": "x/y"}))
    junk = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=20),
        st.builds(list),
        st.builds(dict),
        st.lists(st.text(max_size=3), max_size=3),
        st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
    )
    for _ in range(data.draw(st.integers(1, 3))):
        target = data.draw(
            st.sampled_from([value, value["config"] if isinstance(value.get("config"), dict) else value])
        )
        key = data.draw(st.sampled_from([*target, "subject", "manifests", "blobs", "urls"]))
        target[key] = data.draw(junk)
    content = json.dumps(value).encode()
    cut = data.draw(st.integers(0, len(content)))
    status, _ = put(server, data.draw(st.sampled_from([content, content, content[:cut], content + content[:cut]])))
    assert status in (201, 400, 404)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]),
    st.lists(
        st.sampled_from(
            ["v2", "a", "..", ".", "", "blobs", "uploads", "manifests", "tags", "list", "referrers", "_catalog",
             "token", "%2f", "%00", "%ff", "latest", "sha256:" + "a" * 64, "sha256:x", "sha512:" + "b" * 128,
             "A", "é", "?", "#",
             ";", "?digest=sha256:x", "?mount=x&from=..", "?n=a", "?digest-algorithm=md5"]
        ),
        max_size=8,
    ),
    st.binary(max_size=40),
)  # fmt: skip
def test_any_path_gets_an_orderly_answer(server: Process, method: str, parts: list[str], body: bytes) -> None:
    head = f"Content-Length: {len(body)}\r\n"
    status, _ = request(server, "/" + "/".join(parts), method, head, body)
    assert status < 500


@pytest.mark.parametrize("value", ["0-", "-5", "5-3", "a-b", "0-99999999999999999999", "bytes", "0-4, 6-8"])
def test_a_chunk_with_a_senseless_range_is_refused(server: Process, value: str) -> None:
    location = server.client()("POST", f"/v2/{NAME}/blobs/uploads/", b"").headers["location"]
    answer = server.client()("PATCH", location, b"12345", {"Content-Range": value})
    assert answer.status in (400, 416)
    assert server.client()("DELETE", location).status == 204


@pytest.mark.parametrize(
    "value", ["bytes=0-0,5-6", "bytes=a-b", "bytes=--5", "lines=1-2", "bytes=", "bytes=-", "bytes=-0"]
)
def test_a_senseless_byte_range_is_all_or_416(server: Process, value: str) -> None:
    answer = server.client()("GET", f"/v2/{NAME}/blobs/{sha256(b'{}')}", headers={"Range": value})
    assert answer.status in (200, 416)


def test_two_requests_do_not_write_to_one_upload(server: Process) -> None:
    location = server.client()("POST", f"/v2/{NAME}/blobs/uploads/", b"").headers["location"]
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(
            f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n".encode() + bytes(2_000_000)
        )
        deadline = time.monotonic() + 10
        while server.client()("GET", location).headers["range"] == "0-0":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        answer = server.client()("PATCH", location, b"")
        assert answer.status == 409
        assert answer.headers["retry-after"] == "1"


def test_headers_are_limited(server: Process) -> None:
    for headers in ("X: " + "a" * 100_000 + "\r\n", "X: y\r\n" * 5000):
        answer = raw(server, f"GET /v2/ HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
        assert answer == b"" or int(answer.split()[1]) in (400, 431)


@pytest.mark.parametrize(
    "text",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET /v2/ HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(server: Process, text: bytes) -> None:
    answer = raw(server, text)
    assert answer == b"" or int(answer.split()[1]) in (400, 404, 405)


def test_a_bomb_of_uploads_is_stopped(tmp_path: Path) -> None:
    with registry(tmp_path, "--max-uploads", "20") as process:
        client = process.client()
        statuses = [client("POST", f"/v2/{NAME}/blobs/uploads/", b"").status for _ in range(40)]
        assert statuses[0] == 202
        assert statuses.count(202) <= 21
        answer = client("POST", f"/v2/{NAME}/blobs/uploads/", b"")
        assert (answer.status, answer.error) == (429, "TOOMANYREQUESTS")
        assert int(answer.headers["retry-after"]) > 0


def test_the_quota_stops_pushes_and_deletion_makes_room(tmp_path: Path) -> None:
    with registry(tmp_path, "--quota", "1m") as process:
        client = process.client()
        digest = client.push_blob(NAME, os.urandom(700_000))
        location = client("POST", f"/v2/{NAME}/blobs/uploads/", b"").headers["location"]
        answer = client("PATCH", location, os.urandom(700_000))
        assert (answer.status, answer.error) == (413, "DENIED")
        assert client("DELETE", f"/v2/{NAME}/blobs/{digest}").status == 202
        deadline = time.monotonic() + 10
        while client("PATCH", location, os.urandom(700_000)).status != 202:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_read_only_refuses_every_change(tmp_path: Path) -> None:
    with registry(tmp_path) as process:
        digest = process.client().push_image(NAME, "latest", b"layer")
    with registry(tmp_path, "--read-only") as process:
        client = process.client()
        assert client("GET", f"/v2/{NAME}/manifests/latest").status == 200
        for method, path in (
            ("POST", f"/v2/{NAME}/blobs/uploads/"),
            ("PUT", f"/v2/{NAME}/manifests/x"),
            ("DELETE", f"/v2/{NAME}/manifests/{digest}"),
        ):
            answer = client(method, path, b"")
            assert (answer.status, answer.error) == (405, "UNSUPPORTED")
