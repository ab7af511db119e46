"""HTTP/1.1 on one connected socket: requests, answers, bodies as they arrive.

``http.client`` would bring the email package along (15 ms of imports); the daemon's API needs Content-Length,
chunked and until-close bodies, 101 upgrades, and nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator

from corral.client.errors import ProtocolError

BLOCK = 1 << 18
_HEAD_LIMIT = 1 << 20

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.stream import Stream

    Body = bytes | Iterable[bytes] | None


class Connection:
    """A socket and what was received from it and not consumed yet. One request at a time."""

    __slots__ = ("_at", "_data", "sock")

    def __init__(self, sock: Stream) -> None:
        self.sock = sock
        self._data = b""
        self._at = 0

    def close(self) -> None:
        self.sock.close()

    # -- sending

    def send(self, method: str, target: str, headers: dict[str, str], body: Body = None) -> None:
        """Send a whole request. An iterable of blocks is streamed, see ``file_blocks``. Raises OSError."""
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is None:
            if method in ("POST", "PUT"):
                lines.append("Content-Length: 0")
        elif isinstance(body, bytes):
            lines.append(f"Content-Length: {len(body)}")
        else:
            lines.append("Transfer-Encoding: chunked")
        head = "\r\n".join((*lines, "\r\n")).encode("utf-8")
        if body is None or isinstance(body, bytes):
            self.sock.sendall(head + body if body else head)
            return
        self.sock.sendall(head)
        for block in body:
            if block:
                self.sock.sendall(b"%x\r\n" % len(block))
                self.sock.sendall(block)
                self.sock.sendall(b"\r\n")
        self.sock.sendall(b"0\r\n\r\n")

    # -- receiving

    def _receive(self) -> bool:
        """Add what comes next to the buffer; False at the end of the stream."""
        block = self.sock.recv(BLOCK)
        if not block:
            return False
        self._data = self._data[self._at :] + block if self._at < len(self._data) else block
        self._at = 0
        return True

    def _line(self) -> bytes:
        while (end := self._data.find(b"\n", self._at)) < 0:
            if len(self._data) - self._at > _HEAD_LIMIT:
                raise ProtocolError("a header line of the answer is too long")
            if not self._receive():
                raise ProtocolError("the daemon closed the connection in the middle of an answer")
        line = self._data[self._at : end]
        self._at = end + 1
        return line.rstrip(b"\r")

    def receive(self, method: str) -> Response:
        """The head of the answer to the request just sent. Raises OSError, ProtocolError."""
        while True:
            words = self._line().split(None, 2)
            if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
                raise ProtocolError("the answer is not HTTP")
            headers: dict[str, str] = {}
            while line := self._line():
                name, _, value = line.partition(b":")
                headers[name.decode("latin-1").lower()] = value.strip().decode("utf-8", "replace")
            status = int(words[1])
            if status >= 200 or status == 101:
                return Response(self, method, status, headers)

    def take(self) -> bytes:
        """Hand over everything that was received beyond the head: for a hijacked connection."""
        rest = self._data[self._at :]
        self._data, self._at = b"", 0
        return rest

    def _sized(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if self._at >= len(self._data) and not self._receive():
                raise ProtocolError("the daemon closed the connection in the middle of an answer")
            piece = self._data[self._at : self._at + size]
            self._at += len(piece)
            size -= len(piece)
            yield piece

    def _chunked(self) -> Iterator[bytes]:
        """What one read brought is yielded as one piece: a chunk per log line must not cost a write each."""
        pieces: list[bytes] = []
        while True:
            if pieces and self._data.find(b"\n", self._at) < 0:
                yield b"".join(pieces)
                pieces = []
            line = self._line()
            try:
                left = int(line.split(b";", 1)[0], 16)
            except ValueError:
                raise ProtocolError("a chunk of the answer has no size") from None
            if left == 0:
                if pieces:
                    yield b"".join(pieces)
                while self._line():
                    pass
                return
            while left > 0:
                if self._at >= len(self._data):
                    if pieces:
                        yield b"".join(pieces)
                        pieces = []
                    if not self._receive():
                        raise ProtocolError("the daemon closed the connection in the middle of an answer")
                piece = self._data[self._at : self._at + left]
                self._at += len(piece)
                left -= len(piece)
                pieces.append(piece)
            if len(self._data) == self._at and pieces:
                yield b"".join(pieces)
                pieces = []
            self._line()

    def _rest(self) -> Iterator[bytes]:
        while self._at < len(self._data) or self._receive():
            yield self.take()


class Response:
    """An answer: its head is here, its body is read by ``blocks``, ``read`` or ``json``, once."""

    __slots__ = ("_blocks", "connection", "finished", "headers", "status")

    def __init__(self, connection: Connection, method: str, status: int, headers: dict[str, str]) -> None:
        self.connection = connection
        self.status = status
        self.headers = headers
        self.finished = False
        if method == "HEAD" or status in (204, 304):
            self._blocks: Iterator[bytes] = iter(())
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            self._blocks = connection._chunked()
        elif "content-length" in headers:
            self._blocks = connection._sized(int(headers["content-length"]))
        else:
            self._blocks = connection._rest()

    @property
    def reusable(self) -> bool:
        """The connection may carry the next request."""
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers or self.status in (204, 304)
        return self.finished and framed and self.headers.get("connection", "").lower() != "close"

    def blocks(self) -> Iterator[bytes]:
        """The body as it arrives, in pieces of any size. Raises OSError, ProtocolError."""
        yield from self._blocks
        self.finished = True

    def read(self) -> bytes:
        return b"".join(self.blocks())

    def json(self) -> object:
        """The body as JSON. Raises ProtocolError."""
        data = self.read()
        try:
            return json.loads(data)
        except ValueError as error:
            raise ProtocolError(f"the answer is not JSON: {error}") from error

    def close(self) -> None:
        self.connection.close()


def file_blocks(fd: int) -> Iterator[bytes]:
    """What is in a file or pipe, to its end, as a request's body. Raises OSError."""
    while block := os.read(fd, BLOCK):
        yield block
