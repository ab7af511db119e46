"""TLS connections: requests, client certificates, and hijack with a half-closed client."""

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import subprocess

import pytest

from corral.api.server.http.request import Request
from corral.api.server.http.response import HIJACKED, Response
from corral.api.server.http.server import HttpServer

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl program to make certificates"
)

REQUEST = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate, which is its own authority: (certificate, key)."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return str(certificate), str(key)


def client_context(certificate, *, identify=True):
    context = ssl.create_default_context(cafile=certificate[0])
    if identify:
        context.load_cert_chain(*certificate)
    return context


@contextlib.asynccontextmanager
async def served(certificate, handler, *, verify=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if verify:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate[0])
    server = HttpServer(handler)
    sock = socket.create_server(("127.0.0.1", 0))
    await server.listen(sock, context)
    try:
        yield sock.getsockname()[1]
    finally:
        server.stop_accepting()
        await server.finish(1)


def talk(port, context, data):
    """Blocking, in a thread: everything that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            tls.sendall(data)
            received = b""
            while part := tls.recv(65536):
                received += part
            return received


async def answer(request: Request) -> Response:
    return Response(200, await request.read() + b"secret", headers={"Connection": "close"})


async def test_requests_over_tls(certificate):
    async with served(certificate, answer) as port:
        closing = REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        received = await asyncio.to_thread(talk, port, client_context(certificate, identify=False), closing)
        assert received.startswith(b"HTTP/1.1 200 OK")
        assert received.endswith(b"secret")


async def test_a_big_body_over_tls(certificate):
    async def count(request: Request) -> Response:
        return Response(200, str(sum([len(part) async for part in request.stream()])).encode())

    async with served(certificate, count) as port:
        size = 3_000_000
        data = b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
        received = await asyncio.to_thread(talk, port, client_context(certificate), data)
        assert received.endswith(str(size).encode())


async def test_a_client_without_a_certificate_is_refused(certificate):
    async with served(certificate, answer, verify=True) as port:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(talk, port, client_context(certificate, identify=False), REQUEST)


async def test_a_client_that_does_not_speak_tls_is_dropped(certificate):
    async with served(certificate, answer) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        received = await asyncio.wait_for(reader.read(), 5)
        assert b"HTTP" not in received
        writer.close()


async def test_hijack_over_tls_keeps_the_output_of_a_client_that_has_sent_all_its_input(certificate):
    async def hijack(request: Request) -> Response:
        fd, early = await request.hijack(b"HTTP/1.1 101 UPGRADED\r\n\r\n")
        container = asyncio.create_task(asyncio.to_thread(echo_upper, fd, early))
        tasks.append(container)
        return HIJACKED

    def echo_upper(fd: int, early: bytes) -> None:
        """A container that reads all of its input before it writes."""
        os.set_blocking(fd, True)
        received = early
        while part := os.read(fd, 65536):
            received += part
        os.write(fd, received.upper())
        os.close(fd)

    tasks: list[asyncio.Task[None]] = []
    async with served(certificate, hijack) as port:
        received = await asyncio.to_thread(
            half_closing_client, port, client_context(certificate), REQUEST + b"all of it"
        )
        assert received == b"HTTP/1.1 101 UPGRADED\r\n\r\nALL OF IT"
        await asyncio.gather(*tasks)


def half_closing_client(port, context, data):
    """As Go's tls.Conn.CloseWrite: close_notify after the data, then reading on. Needs the memory-buffer interface."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:

        def until_done(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        raw.sendall(outgoing.read())
                    part = raw.recv(65536)
                    if part:
                        incoming.write(part)
                    else:
                        incoming.write_eof()

        until_done(tls.do_handshake)
        tls.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        raw.sendall(outgoing.read())
        received = b""
        with contextlib.suppress(ssl.SSLZeroReturnError):
            while part := until_done(lambda: tls.read(65536)):
                received += part
        return received
