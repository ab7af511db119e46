"""Heads of requests: parsed strictly."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.api.server.http.head import BadRequest, parse_head


def head(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("latin-1")


def test_what_the_docker_cli_sends():
    parsed = parse_head(
        head(
            "POST /v1.50/containers/abc/attach?stdin=1 HTTP/1.1",
            "Host: api.moby.localhost",
            "User-Agent: Docker-Client/28.2.2 (linux)",
            "Content-Length: 0",
            "Connection: Upgrade",
            "Content-Type: text/plain",
            "Upgrade: tcp",
        )
    )
    assert (parsed.method, parsed.target) == ("POST", "/v1.50/containers/abc/attach?stdin=1")
    assert parsed.headers["upgrade"] == "tcp"
    assert (parsed.length, parsed.keep_alive, parsed.old) == (0, True, False)


def test_header_names_are_case_insensitive_and_values_trimmed():
    parsed = parse_head(head("GET / HTTP/1.1", "HOST: x", "CoNtEnT-LeNgTh: \t 12 \t"))
    assert parsed.length == 12


def test_repeated_headers_are_joined():
    assert parse_head(head("GET / HTTP/1.1", "Host: x", "A: 1", "a: 2")).headers["a"] == "1, 2"


def test_chunked_bodies_have_no_length():
    assert parse_head(head("PUT / HTTP/1.1", "Host: x", "Transfer-Encoding: Chunked")).length == -1


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [("1.1", "", True), ("1.1", "close", False), ("1.0", "", False), ("1.0", "Keep-Alive", True)],
)
def test_keep_alive_by_version(version, connection, kept):
    assert parse_head(head(f"GET / HTTP/{version}", "Host: x", f"Connection: {connection}")).keep_alive is kept


@pytest.mark.parametrize(
    "lines",
    [
        ("GET  / HTTP/1.1", "Host: x"),
        ("GET / HTTP/2.0", "Host: x"),
        ("GET /a b HTTP/1.1", "Host: x"),
        ("GET / HTTP/1.1",),
        ("GET / HTTP/1.1", "Host : x"),
        ("GET / HTTP/1.1", "Host: x", " folded"),
        ("GET / HTTP/1.1", "Host: x\ny: z"),
        ("GET / HTTP/1.1", "Host: x\x00"),
        ("GET / HTTP/1.1", "Host: x", "Content-Length: -1"),
        ("GET / HTTP/1.1", "Host: x", "Content-Length: +1"),
        ("GET / HTTP/1.1", "Host: x", "Content-Length: 1_0"),
        ("GET / HTTP/1.1", "Host: x", "Content-Length: 1", "Content-Length: 2"),
        ("GET / HTTP/1.1", "Host: x", "Content-Length: 99999999999999999999"),
        ("", "Host: x"),
    ],
)
def test_malformed_heads_are_refused(lines):
    with pytest.raises(BadRequest) as caught:
        parse_head(head(*lines))
    assert caught.value.status == 400


def test_request_smuggling_by_two_framings_is_refused():
    with pytest.raises(BadRequest, match="both Content-Length and Transfer-Encoding"):
        parse_head(head("POST / HTTP/1.1", "Host: x", "Content-Length: 3", "Transfer-Encoding: chunked"))


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "chunked, chunked", "xchunked"])
def test_other_transfer_codings_are_not_implemented(coding):
    with pytest.raises(BadRequest) as caught:
        parse_head(head("POST / HTTP/1.1", "Host: x", f"Transfer-Encoding: {coding}"))
    assert caught.value.status == 501


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_refused(raw):
    with contextlib.suppress(BadRequest):
        parse_head(raw)
