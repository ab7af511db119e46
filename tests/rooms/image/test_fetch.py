"""Import from a URL, served on the loopback interface."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.errors import Invalid, NotFound, Unavailable
from corral.image.fetch import normalize
from support.images import BASE, world

pytestmark = pytest.mark.requires("root", "overlay")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/base.tar.gz")
            self.end_headers()
            return
        content = {"/base.tar.gz": gzip.compress(BASE), "/junk": b"<html>"}.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")  # as servers say of .tar.gz files
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


async def test_archives_are_fetched(tmp_path: Path, server: str) -> None:
    async with world(tmp_path / "data") as here:
        for path in ("/base.tar.gz", "/moved"):
            assert await here.service.import_(here.service.fetch(server + path), "fetched", path[1:6])
        assert len(here.on_disk()) == 1


async def test_what_cannot_be_fetched_is_named(tmp_path: Path, server: str) -> None:
    async with world(tmp_path / "data") as here:
        with pytest.raises(NotFound, match="got HTTP status code >= 400: 404"):
            await here.service.import_(here.service.fetch(server + "/none"))
        with pytest.raises(Invalid, match="unexpected EOF"):
            await here.service.import_(here.service.fetch(server + "/junk"))
        with pytest.raises(Unavailable, match=r"dial tcp 127\.0\.0\.1:1: connect: connection refused"):
            await here.service.import_(here.service.fetch("127.0.0.1:1/x"))
        assert here.on_disk() == set()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "http://", "unix:///x"])
def test_schemes_that_reach_what_they_should_not(url: str) -> None:
    with pytest.raises(Invalid):
        normalize(url)
