"""What can go wrong between a client and the daemon.

::

    ClientError
    ├── BadAddress          the text after -H is no address
    ├── ConnectionFailed    nobody listens there, or it may not be reached
    ├── ProtocolError       the peer does not speak HTTP/1.1 as it should
    ├── ApiError            the daemon answered with an error: status and its message
    └── OperationFailed     a long operation reported an error while it ran
"""

from __future__ import annotations

from corral.errors import CorralError


class ClientError(CorralError):
    """Base of everything that this package raises on purpose."""

    kind = "client"


class BadAddress(ClientError):
    kind = "bad_address"


class ConnectionFailed(ClientError):
    """``absent`` is true when nobody listens: the socket file is missing or the connection was refused."""

    kind = "connection_failed"

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent


class ProtocolError(ClientError):
    kind = "protocol"


class ApiError(ClientError):
    """The daemon refused: ``status`` is the HTTP status, ``message`` the daemon's own words."""

    kind = "api"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __str__(self) -> str:
        return f"Error response from daemon: {self.message}"


class OperationFailed(ClientError):
    """Progress ended in an error; the message is the daemon's."""

    kind = "operation_failed"
