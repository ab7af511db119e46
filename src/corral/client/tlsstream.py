"""TLS over a socket that half-closes as a socket does."""

from __future__ import annotations

import errno
import socket
import ssl


class TlsStream:
    """TLS over a connected socket. Python's own SSLSocket cannot end its sending and go on receiving: reading while it
    says goodbye, it takes output that is on its way for an error. Here the two directions meet in memory only.

    Sending always blocks; ``setblocking(False)`` makes ``recv`` raise BlockingIOError.
    """

    __slots__ = ("_inward", "_outward", "_plain", "_tls", "_wait")

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, name: str) -> None:
        """Shakes hands. Raises OSError (ssl.SSLError)."""
        self._plain = plain
        self._wait = True
        self._inward, self._outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._inward, self._outward, server_hostname=name)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    raise ConnectionResetError(errno.ECONNRESET, "closed during the TLS handshake") from None
            finally:
                self._flush()

    def fileno(self) -> int:
        return self._plain.fileno()

    def setblocking(self, flag: bool, /) -> None:
        self._wait = flag

    def close(self) -> None:
        self._plain.close()

    def _flush(self) -> None:
        if self._outward.pending:
            self._plain.sendall(self._outward.read())

    def _fill(self) -> bool:
        block = self._plain.recv(1 << 16, 0 if self._wait else socket.MSG_DONTWAIT)
        if block:
            self._inward.write(block)
        return bool(block)

    def recv(self, size: int, /) -> bytes:
        """Nothing at the peer's goodbye, or when it is gone without one. Raises OSError."""
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    return b""
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def has_more(self) -> bool:
        return bool(self._inward.pending or self._tls.pending())

    def send(self, data: bytes, /) -> int:
        sent = self._tls.write(data)
        self._flush()
        return sent

    def sendall(self, data: bytes, /) -> None:
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
            self._flush()

    def half_close(self) -> None:
        """Say goodbye; what the peer still has to say is received as before."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        finally:
            self._flush()
