"""The HTTP client of the engine's API, for the command line and for Python programs.

Here: addresses, a small HTTP/1.1 transport over unix, tcp, tls and ssh, version negotiation, hijacked streams, and one
module per object of the API. Not here: anything a terminal sees, and anything asynchronous. May import the standard
library, ``api.types``, ``oci`` and ``errors``; it imports as little as it can at run time, because every invocation of
the command line pays for it: answers stay plain JSON objects, described for the type checker by ``wire``.

    from corral.client import Client
    client = Client("unix:///run/corral.sock")
    for container in client.containers.list(all=True):
        print(container["Id"], container["Names"])
"""

from __future__ import annotations

from corral.client.client import Client
from corral.client.errors import ApiError, ClientError, ConnectionFailed, ProtocolError

__all__ = ["ApiError", "Client", "ClientError", "ConnectionFailed", "ProtocolError"]
