"""The daemon's API as a channel: version negotiation, requests, JSON streams, hijacked connections."""

from __future__ import annotations

import json
import select
from collections.abc import Iterator

from corral import __version__
from corral.client.address import DEFAULT_HOST, Address, parse_address
from corral.client.dial import dial
from corral.client.errors import ApiError, ConnectionFailed, ProtocolError
from corral.client.http import Connection, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.http import Body
    from corral.client.stream import Stream
    from corral.client.tls import TlsFiles

NEWEST = (1, 51)
OLDEST = (1, 24)
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"


class Hijacked:
    """A connection taken over from HTTP: a byte stream both ways. ``early`` had arrived with the answer's head."""

    __slots__ = ("early", "media_type", "sock")

    def __init__(self, sock: Stream, early: bytes, media_type: str) -> None:
        self.sock = sock
        self.early = early
        self.media_type = media_type


class Pending:
    """A request that was sent and whose answer was not read yet."""

    __slots__ = ("_api", "_connection", "_method")

    def __init__(self, api: Api, connection: Connection, method: str) -> None:
        self._api = api
        self._connection = connection
        self._method = method

    def fileno(self) -> int:
        return self._connection.sock.fileno()

    def answer(self) -> Response:
        """Wait for the answer's head, whatever its status. Raises ConnectionFailed, ProtocolError."""
        try:
            return self._connection.receive(self._method)
        except OSError as error:
            self._connection.close()
            raise ConnectionFailed(f"error during connect: {self._api.address.text}: {error}") from error

    def head(self) -> Response:
        """Wait for the answer's head. Raises ApiError for a status of 400 and more, ConnectionFailed."""
        response = self.answer()
        if response.status >= 400:
            raise ApiError(response.status, _message(self._api.finish(response), response.status))
        return response

    def finish(self) -> bytes:
        """Wait for the whole answer and return its body. Raises as ``head`` does."""
        return self._api.finish(self.head())

    def close(self) -> None:
        self._connection.close()


class Api:
    """One daemon. ``version`` is negotiated at the first use unless it is given, as ``1.45``."""

    __slots__ = ("_idle", "_prefix", "address", "headers", "tls")

    def __init__(
        self, host: str | Address = DEFAULT_HOST, *, tls: TlsFiles | None = None, version: str | None = None
    ) -> None:
        self.address = parse_address(host, tls=tls is not None) if isinstance(host, str) else host
        self.tls = tls
        named = self.address.host
        self.headers = {
            "Host": f"[{named}]" if ":" in named else named or "corral",
            "User-Agent": f"corral/{__version__}",
        }
        self._idle: list[Connection] = []
        self._prefix = f"/v{version.removeprefix('v')}" if version else None

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @property
    def version(self) -> str:
        """The API version spoken, as ``1.51``."""
        return self.prefix.removeprefix("/v")

    @property
    def prefix(self) -> str:
        if self._prefix is None:
            answer = self._ping()
            self._prefix = f"/v{_negotiate(answer.headers.get('api-version', ''))}"
            self.finish(answer)
        return self._prefix

    def _ping(self) -> Response:
        """The answer matters only for its version; a refusal that does not tell one is read in full, by GET."""
        answer = self.begin("HEAD", "/_ping", versioned=False).answer()
        if answer.status < 400 or "api-version" in answer.headers:
            return answer
        self.finish(answer)
        return self.begin("GET", "/_ping", versioned=False).head()

    # -- requests

    def begin(
        self,
        method: str,
        target: str,
        *,
        json_body: object = None,
        body: Body = None,
        headers: dict[str, str] | None = None,
        versioned: bool = True,
        fresh: bool = False,
    ) -> Pending:
        """Send a request; ``fresh`` makes a connection of its own, for hijacking. Raises ConnectionFailed."""
        prefix = self.address.path if self.address.scheme in ("tcp", "tls") else ""
        if versioned:
            prefix += self.prefix
        extra = dict(self.headers)
        if json_body is not None:
            body = json.dumps(json_body, separators=(",", ":")).encode()
            extra["Content-Type"] = "application/json"
        if headers:
            extra.update(headers)
        connection = (None if fresh else self._kept()) or Connection(dial(self.address, self.tls))
        try:
            connection.send(method, prefix + target, extra, body)
        except (BrokenPipeError, ConnectionResetError):
            # A streamed body may be refused half-way: the daemon's answer says why, and ``head`` reads it.
            if body is None or isinstance(body, bytes):
                connection.close()
                raise ConnectionFailed(f"error during connect: {self.address.text}: connection reset") from None
        except BaseException:
            connection.close()
            raise
        return Pending(self, connection, method)

    def _kept(self) -> Connection | None:
        """An idle connection that the daemon has not closed meanwhile."""
        while self._idle:
            connection = self._idle.pop()
            poll = select.poll()
            poll.register(connection.sock, select.POLLIN)
            if not poll.poll(0):
                return connection
            connection.close()
        return None

    def request(
        self,
        method: str,
        target: str,
        *,
        json_body: object = None,
        body: Body = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """The answer, its body unread. Raises ApiError, ConnectionFailed, ProtocolError."""
        return self.begin(method, target, json_body=json_body, body=body, headers=headers).head()

    def call(
        self, method: str, target: str, json_body: object = None, *, headers: dict[str, str] | None = None
    ) -> object:
        """The answer's JSON, or None when there is no body. Raises as ``request`` does."""
        data = self.finish(self.request(method, target, json_body=json_body, headers=headers))
        if not data.strip():
            return None
        try:
            answer: object = json.loads(data)
        except ValueError as error:
            raise ProtocolError(f"the answer is not JSON: {error}") from error
        return answer

    def raw(self, target: str) -> bytes:
        """The answer to a GET, byte for byte."""
        return self.finish(self.request("GET", target))

    def finish(self, response: Response) -> bytes:
        """Read the rest of the body and keep the connection for the next request when it may be kept."""
        data = response.read()
        if response.reusable:
            self._idle.append(response.connection)
        else:
            response.close()
        return data

    def stream(self, response: Response) -> Iterator[dict[str, object]]:
        """The body as JSON objects, one after another, as they arrive (progress, events)."""
        decoder = json.JSONDecoder()
        text = ""
        import codecs

        utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        for block in response.blocks():
            text = (text + utf8.decode(block)).lstrip()
            while text:
                try:
                    value, end = decoder.raw_decode(text)
                except ValueError:
                    break
                text = text[end:].lstrip()
                if isinstance(value, dict):
                    yield value

    def hijack(self, target: str, json_body: object = None) -> Hijacked:
        """POST, and take the connection over as a byte stream. Raises ApiError, ConnectionFailed."""
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
        if json_body is None:
            headers["Content-Type"] = "text/plain"
        response = self.begin("POST", target, json_body=json_body, headers=headers, fresh=True).head()
        return Hijacked(response.connection.sock, response.connection.take(), response.headers.get("content-type", ""))


def _negotiate(offered: str) -> str:
    """The newest version that both sides speak; a daemon that names none is as old as they come."""
    major, _, minor = offered.partition(".")
    version = (int(major), int(minor)) if major.isdigit() and minor.isdigit() else OLDEST
    return "{}.{}".format(*min(version, NEWEST))


def _message(data: bytes, status: int) -> str:
    """The daemon's words: ``{"message": ...}``, or whatever else it said."""
    try:
        answer = json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace").strip() or f"status {status}"
    message = answer.get("message") if isinstance(answer, dict) else None
    return str(message).strip() if message else f"status {status}"
