"""A netlink socket: batches out, acknowledgements and dumps in.

The kernel works a request off inside ``send`` and has queued its answers by the time ``send`` returns; a dump goes on
inside ``recv``. So nothing here waits for another process, and the calls may be made from an event loop, as long as
the kernel's own lock (RTNL) is not held for long by somebody else; callers that expect so go through a thread.
"""

from __future__ import annotations

import errno
import itertools
import socket
from collections.abc import Sequence
from typing import Final

from corral.linux.netlink import message
from corral.linux.netlink.message import Answer, Request

__all__ = ["NETLINK_NETFILTER", "NETLINK_ROUTE", "Connection"]

NETLINK_ROUTE: Final = 0
NETLINK_NETFILTER: Final = 12

_SOL_NETLINK: Final = 270
_NETLINK_CAP_ACK: Final = 10
_NETLINK_EXT_ACK: Final = 11
_NETLINK_GET_STRICT_CHK: Final = 12

_RECEIVE: Final = 32768
"""The kernel fills no datagram of a dump beyond this size."""
_DUMP_ATTEMPTS: Final = 5
_BATCH: Final = 64
"""Messages in one send: their acknowledgements must fit the receive buffer."""


class Connection:
    """Owns its socket. ``fd`` may be one that was opened inside another network namespace: it goes on acting there."""

    def __init__(self, protocol: int, fd: int | None = None) -> None:
        if fd is None:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        else:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol, fileno=fd)
        self._socket.setblocking(False)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        self._sequence = itertools.count(1)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def apply(self, *requests: Request) -> None:
        """Sends the requests in order, in as few sends as possible, and waits for all acknowledgements.

        A refused request does not stop the ones behind it in the kernel; the first refusal is raised as OSError.
        """
        for start in range(0, len(requests), _BATCH):
            self._apply(requests[start : start + _BATCH])

    def _apply(self, requests: Sequence[Request]) -> None:
        pending = dict(zip(self._sequence, requests, strict=False))
        self._socket.send(b"".join(message.encode(r, n, message.NLM_F_ACK) for n, r in pending.items()))
        failed: OSError | None = None
        while pending:
            for answer in self._receive():
                request = pending.pop(answer.sequence, None) if answer.type == message.NLMSG_ERROR else None
                if request is not None and message.failure_of(answer) and failed is None:
                    failed = message.explain(answer, request.what)
        if failed is not None:
            raise failed

    def transact(self, begin: Request, requests: Sequence[Request], end: Request) -> None:
        """Sends an nfnetlink batch: all of ``requests`` or none of them. Raises OSError for the first refusal."""
        numbers = dict(zip(self._sequence, [begin, *requests, end], strict=False))
        last = list(numbers)[-2]
        parts = [message.encode(r, n, message.NLM_F_ACK if n == last else 0) for n, r in numbers.items()]
        self._socket.send(b"".join(parts))
        # A refused batch is answered by an error for each refused message and perhaps no acknowledgement of the last.
        while True:
            for answer in self._receive():
                request = numbers.get(answer.sequence)
                if request is None or answer.type != message.NLMSG_ERROR:
                    continue
                if message.failure_of(answer):
                    error = message.explain(answer, request.what)
                    self._drain()
                    raise error
                if answer.sequence == last:
                    return

    def get(self, request: Request) -> Answer | None:
        """The one answer to a request for a single object; None when there is no such object. Raises OSError."""
        number = next(self._sequence)
        self._socket.send(message.encode(request, number))
        while True:
            for answer in self._receive():
                if answer.sequence != number:
                    continue
                if answer.type == message.NLMSG_ERROR:
                    error = message.explain(answer, request.what)
                    if error.errno in (errno.ENOENT, errno.ENODEV):
                        return None
                    raise error
                return answer

    def dump(self, request: Request) -> list[Answer]:
        """All objects that match. Starts again, a few times, if the kernel says that they changed meanwhile: then some
        may be missing or there twice. Raises OSError."""
        for _ in range(_DUMP_ATTEMPTS):
            found, consistent = self._dump(request)
            if consistent:
                break
        return found

    def _dump(self, request: Request) -> tuple[list[Answer], bool]:
        number = next(self._sequence)
        self._socket.send(message.encode(request, number, message.NLM_F_DUMP))
        found: list[Answer] = []
        consistent = True
        while True:
            for answer in self._receive():
                if answer.sequence != number:
                    continue
                consistent = consistent and not answer.flags & message.NLM_F_DUMP_INTR
                if answer.type in (message.NLMSG_ERROR, message.NLMSG_DONE):
                    if message.failure_of(answer):
                        raise message.explain(answer, request.what)
                    return found, consistent
                found.append(answer)

    def _receive(self) -> list[Answer]:
        """Raises OSError: ENOBUFS when answers were lost, EAGAIN when there is none (which would be a kernel's bug)."""
        return list(message.answers(self._socket.recv(_RECEIVE)))

    def _drain(self) -> None:
        while True:
            try:
                self._socket.recv(_RECEIVE)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
