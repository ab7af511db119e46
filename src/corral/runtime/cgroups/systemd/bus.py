"""A connection to the system bus: calls that wait for their answer, and signals.

Authentication is EXTERNAL: the kernel tells the bus who we are. Everything blocks, within a deadline.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from typing import Final

from corral.errors import Conflict, CorralError, Internal, NotFound, Unavailable
from corral.runtime.cgroups.systemd import message as wire
from corral.runtime.cgroups.systemd.message import Message

__all__ = ["Bus", "system_bus_address"]

_DEFAULT: Final = "unix:path=/run/dbus/system_bus_socket"
_PATIENCE: Final = 30.0
"""Seconds: systemd answers within milliseconds, but may be busy at boot."""
_NAME: Final = "org.freedesktop.DBus"
_KINDS: Final[dict[str, type[CorralError]]] = {
    "org.freedesktop.systemd1.NoSuchUnit": NotFound,
    "org.freedesktop.systemd1.UnitExists": Conflict,
}


def system_bus_address() -> str:
    """The path of the socket; abstract ones begin with NUL. Raises Unavailable for an address of another kind."""
    address = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or _DEFAULT
    for candidate in address.split(";"):
        kind, _, parameters = candidate.partition(":")
        values = dict(pair.partition("=")[::2] for pair in parameters.split(","))
        if kind == "unix" and (path := values.get("path")):
            return path
        if kind == "unix" and (name := values.get("abstract")):
            return f"\0{name}"
    raise Unavailable(f"unsupported D-Bus address: {address}")


class Bus:
    """A context manager: it is closed at the end of the block."""

    def __init__(self, path: str = "") -> None:
        """Raises Unavailable when nobody answers there."""
        self._path = path or system_bus_address()
        self._serial = 0
        self._signals: deque[Message] = deque()
        self._buffer = b""
        self._deadline = time.monotonic() + _PATIENCE
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(self._path)
            self._authenticate()
            self.call(_NAME, "/org/freedesktop/DBus", _NAME, "Hello")
        except OSError as error:
            self._socket.close()
            raise Unavailable(f"cannot connect to the system bus at {self._path}: {error.strerror or error}") from error
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def call(
        self, destination: str, path: str, interface: str, member: str, signature: str = "", *values: object
    ) -> tuple[object, ...]:
        """The values of the answer.

        Raises NotFound for a unit that is not there, Conflict for one that is, Internal for any other error that is
        answered, Unavailable when the connection breaks or nothing is answered in time.
        """
        self._serial += 1
        self._deadline = time.monotonic() + _PATIENCE
        self._send(
            wire.encode(
                Message(
                    wire.CALL,
                    self._serial,
                    path=path,
                    interface=interface,
                    member=member,
                    destination=destination,
                    signature=signature,
                    body=values,
                )
            )
        )
        while True:
            answer = self._receive()
            if answer.type == wire.SIGNAL:
                self._signals.append(answer)
            elif answer.reply_serial == self._serial:
                break
        if answer.type == wire.ERROR:
            text = str(answer.body[0]) if answer.body else answer.error_name
            raise _KINDS.get(answer.error_name, Internal)(f"{member}: {text}")
        return answer.body

    def listen(self, interface: str, member: str) -> None:
        """Have signals delivered from now on."""
        rule = f"type='signal',interface='{interface}',member='{member}'"
        self.call(_NAME, "/org/freedesktop/DBus", _NAME, "AddMatch", "s", rule)

    def next_signal(self, member: str) -> Message:
        """Waits for one. Raises Unavailable when it does not come in time."""
        while True:
            while self._signals:
                signal = self._signals.popleft()
                if signal.member == member:
                    return signal
            received = self._receive()
            if received.type == wire.SIGNAL:
                self._signals.append(received)

    def _authenticate(self) -> None:
        """Raises Unavailable when we are not welcome."""
        self._send(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
        line = self._line()
        if not line.startswith(b"OK "):
            raise Unavailable(f"the system bus at {self._path} refuses: {line.decode(errors='replace')}")
        self._send(b"BEGIN\r\n")

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._fill()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _receive(self) -> Message:
        while len(self._buffer) < wire.HEADER:
            self._fill()
        try:
            size = wire.length(self._buffer)
            while len(self._buffer) < size:
                self._fill()
            data, self._buffer = self._buffer[:size], self._buffer[size:]
            return wire.decode(data)
        except ValueError as error:
            raise Unavailable(f"the system bus at {self._path}: {error}") from error

    def _send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(max(self._deadline - time.monotonic(), 0.001))
            self._socket.sendall(data)
        except OSError as error:
            raise Unavailable(f"the system bus at {self._path}: {error.strerror or error}") from error

    def _fill(self) -> None:
        try:
            self._socket.settimeout(max(self._deadline - time.monotonic(), 0.001))
            data = self._socket.recv(1 << 16)
        except OSError as error:
            raise Unavailable(f"the system bus at {self._path}: {error.strerror or error}") from error
        if not data:
            raise Unavailable(f"the system bus at {self._path} hung up")
        self._buffer += data
