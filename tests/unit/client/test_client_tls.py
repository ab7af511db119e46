"""TLS: requests, client certificates, verification, and an attached stream with a half-closed input."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.client import Client, ConnectionFailed
from corral.client.tls import TlsFiles

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, cert.pem, key.pem as docker names them; self-signed."""
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", directory / "key.pem",
            "-out", directory / "cert.pem",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    shutil.copy(directory / "cert.pem", directory / "ca.pem")
    return directory


@pytest.fixture
def server(certificates: Path) -> Iterator[int]:
    """The port of a daemon that demands a certificate, echoes what an attached client sends, and then says bye."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(plain: socket.socket) -> None:
        try:
            connection = context.wrap_socket(plain, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            if b"/attach" in head:
                connection.sendall(b"HTTP/1.1 101 UPGRADED\r\n\r\n")
                received = b""
                while True:
                    try:
                        block = connection.recv(65536)
                    except ssl.SSLEOFError:
                        block = b""
                    if not block:
                        break
                    received += block
                connection.sendall(received + b"bye")
            else:
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
                )
            connection.close()
        except OSError:
            plain.close()

    def accept() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(plain,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def test_a_verified_connection_with_a_certificate(server: int, certificates: Path) -> None:
    with Client(
        f"tcp://localhost:{server}", tls=TlsFiles.below(str(certificates), verify=True), version="1.51"
    ) as client:
        assert client.system.info() == {}


def test_another_name_than_the_certificates_is_refused(server: int, certificates: Path) -> None:
    files = TlsFiles.below(str(certificates), verify=True)
    with pytest.raises(ConnectionFailed, match="certificate verify failed"):
        Client(f"tcp://127.0.0.1:{server}", tls=files, version="1.51").system.info()
    files.verify = False
    Client(f"tcp://127.0.0.1:{server}", tls=files, version="1.51").system.info()


def test_a_certificate_that_cannot_be_used_is_named(server: int, certificates: Path, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nonsense")
    with pytest.raises(ConnectionFailed, match=str(tmp_path / "cert.pem")):
        Client(f"tcp://localhost:{server}", tls=TlsFiles.below(str(tmp_path), verify=False), version="1").system.info()


def test_attached_streams_half_close(server: int, certificates: Path) -> None:
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from corral.client import Client\nfrom corral.client.tls import TlsFiles\n"
        f"from corral.cli.attach import Streams\nfiles = TlsFiles.below({str(certificates)!r}, verify=True)\n"
        f"client = Client('tcp://localhost:{server}', tls=files, version='1.51')\n"
        "Streams(client.containers.attach('x', stdin=True), tty=True, stdin=True).run()"
    )
    data = b"x" * 500_000
    done = subprocess.run([sys.executable, "-I", "-c", program], input=data, capture_output=True, timeout=60)
    assert done.stderr == b""
    assert done.stdout == data + b"bye"
