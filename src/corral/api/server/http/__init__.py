"""An HTTP/1.1 server on asyncio that knows nothing of containers: sockets in, requests out, responses back.

It exists because a connection of this API is often not HTTP for long: attach and exec turn it into the container's
stdio, and then the socket itself leaves the process (docs/adr/0002-http-server.md). Standard library only.

    head.py        bytes of a request's head -> `Head`; bad requests end here
    body.py        content-length and chunked framing
    request.py     `Request`: what a handler sees
    response.py    `Response`: what a handler returns, and its bytes
    outflow.py     the body of a streamed answer: many parts, few writes
    transport.py   a socket under the loop, which can be detached; the pump for TLS
    tls.py         TLS above it
    connection.py  one connection: request after request, streaming, hijack, a client that goes away
    server.py      listening sockets and the set of connections; orderly shutdown
"""
