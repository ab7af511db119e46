"""Where it listens and how: TLS, certificates of clients, Unix sockets; what it says when it cannot."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.registry_server import Process, refusal, registry, sha256, start_unix

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


def certificate(directory: Path, name: str, ca: str = "") -> None:
    """NAME.pem and NAME.key, signed by ``ca`` or by itself."""
    key, request, made = (str(directory / f"{name}.{end}") for end in ("key", "csr", "pem"))
    subject = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")
    new = ("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, *subject)
    if not ca:
        _run(*new, "-x509", "-days", "2", "-out", made)
        return
    _run(*new, "-out", request)
    signer = ("-CA", str(directory / f"{ca}.pem"), "-CAkey", str(directory / f"{ca}.key"), "-CAcreateserial")
    _run("openssl", "x509", "-req", "-in", request, *signer, "-days", "2", "-copy_extensions", "copy", "-out", made)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    certificate(directory, "ca")
    for name in ("server", "client"):
        certificate(directory, name, "ca")
    certificate(directory, "other")
    return directory


@pytest.fixture
def server(files: Path, tmp_path: Path) -> Iterator[Process]:
    for end in ("pem", "key"):
        shutil.copy(files / f"server.{end}", tmp_path / f"now.{end}")
    with registry(tmp_path / "root", *tls(tmp_path, "now")) as process:
        yield process


def tls(files: Path, name: str) -> tuple[str, ...]:
    return ("--tls-cert", str(files / f"{name}.pem"), "--tls-key", str(files / f"{name}.key"))


def trusting(files: Path, name: str = "ca") -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(files / f"{name}.pem"))


@needs_openssl
def test_blobs_go_both_ways_over_tls(server: Process, files: Path) -> None:
    client = server.client(trusting(files))
    content = os.urandom(5_000_000)
    digest = client.push_blob("a", content)
    assert client("GET", f"/v2/a/blobs/{digest}").body == content
    ranged = client("GET", f"/v2/a/blobs/{digest}", headers={"Range": "bytes=1000000-3999999"})
    assert ranged.body == content[1_000_000:4_000_000]


@needs_openssl
def test_old_protocols_and_plain_text_are_refused(server: Process, files: Path) -> None:
    context = trusting(files)
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        server.client(context)("GET", "/v2/")
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in sock.recv(100)


@needs_openssl
def test_a_renewed_certificate_is_taken_over_on_hangup(server: Process, files: Path, tmp_path: Path) -> None:
    assert server.client(trusting(files))("GET", "/v2/").status == 200
    for end in ("pem", "key"):
        shutil.copy(files / f"other.{end}", tmp_path / f"now.{end}")
    server.popen.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 5
    while True:
        try:
            assert server.client(trusting(files, "other"))("GET", "/v2/").status == 200
            break
        except ssl.SSLError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@needs_openssl
def test_clients_need_a_certificate_where_that_is_asked_for(files: Path, tmp_path: Path) -> None:
    with registry(tmp_path, *tls(files, "server"), "--tls-client-ca", str(files / "ca.pem")) as process:
        with pytest.raises((ssl.SSLError, OSError)):
            process.client(trusting(files))("GET", "/v2/")
        context = trusting(files)
        context.load_cert_chain(files / "client.pem", files / "client.key")
        assert process.client(context)("GET", "/v2/").status == 200


@needs_openssl
def test_a_key_of_another_certificate_is_one_line(files: Path, tmp_path: Path) -> None:
    line = refusal(
        "--root", str(tmp_path), "--tls-cert", str(files / "server.pem"), "--tls-key", str(files / "other.key")
    )
    assert line.startswith(f"cannot use {files}/server.pem and {files}/other.key: ")


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "r.sock"
    command = ("--addr", f"unix://{path}")
    process = start_unix(tmp_path / "root", *command)
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        process.terminate()
        process.wait()
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tls-cert", "x.pem"), "TLS needs both --tls-cert and --tls-key"),
        (("--addr", "host:port"), "invalid address 'host:port': HOST:PORT or unix:///PATH"),
        (("--proxy", "http://x", "--workers", "2"), "a pull-through cache has one worker"),
        (("--workers", "0"), "there must be a worker"),
        (("--htpasswd", "/no/such/file"), "cannot read /no/such/file: no such file or directory"),
        (("--root", "/proc/nowhere"), "cannot make /proc/nowhere: "),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in refusal("--root", str(tmp_path), *arguments)


def test_an_address_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        assert f"cannot listen on {address}: address already in use" in refusal(
            "--root", str(tmp_path), "--addr", address
        )


def test_a_range_of_a_pushed_blob_is_the_same_by_any_worker(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    with registry(tmp_path, "--workers", "3") as process:
        digest = process.client().push_blob("a", content)
        assert digest == sha256(content)
        for _ in range(20):
            assert process.client()("GET", f"/v2/a/blobs/{digest}").body == content
