"""Failures of connections in the words of Go's standard library, which Docker's users know and search for.

Examples::

    Get "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused
    Get "https://registry.example/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority
    Get "https://127.0.0.1:5000/v2/": http: server gave HTTP response to HTTPS client
"""

from __future__ import annotations

import os
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from corral.image.distribution.registry.faults import Fault, Nonsense, Unreachable, Untrusted
from corral.image.distribution.registry.request import operation

_CERTIFICATE: Final = {
    # X509_V_ERR_* of openssl/x509_vfy.h
    9: "x509: certificate has expired or is not yet valid: not yet valid",
    10: "x509: certificate has expired or is not yet valid",
    18: "x509: certificate signed by unknown authority",
    19: "x509: certificate signed by unknown authority",
    20: "x509: certificate signed by unknown authority",
    21: "x509: certificate signed by unknown authority",
    23: "x509: certificate has been revoked",
    26: "x509: certificate specifies an incompatible key usage",
}
_NOT_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
)


def fault(method: str, url: str, error: Exception, *, connected: bool) -> Fault:
    """``connected``: the head of an answer had come already."""
    where = operation(method, url)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        cause = error if isinstance(error, ssl.SSLError) else error.certificate_error
        return Untrusted(f"{where}: tls: failed to verify certificate: {_certificate(cause)}")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Unreachable(f"{where}: dial tcp: lookup {error.host}: no such host", connected=False)
    if isinstance(error, aiohttp.ClientSSLError):
        return Untrusted(f"{where}: {_handshake(error.os_error)}")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return Unreachable(f"{where}: {error.message or error.status}", connected=False)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        reached = f"{error.host}:{error.port}: {_errno(error.os_error)}"
        return Unreachable(f"{where}: proxyconnect tcp: dial tcp {reached}", connected=False)
    if isinstance(error, aiohttp.ClientConnectorError):
        return Unreachable(f"{where}: dial tcp {error.host}:{error.port}: {_errno(error.os_error)}", connected=False)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return Unreachable(f"{where}: dial tcp {parts.hostname}:{port}: i/o timeout", connected=False)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Unreachable(f"{where}: EOF", connected=True)
    if isinstance(error, TimeoutError):
        what = "while reading body" if connected else "while awaiting headers"
        return Unreachable(f"{where}: net/http: request canceled (Client.Timeout exceeded {what})", connected=True)
    if isinstance(error, aiohttp.ClientPayloadError):
        return Unreachable(f"{where}: unexpected EOF", connected=True)
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL | ValueError):
        return Nonsense(f"{where}: net/http: HTTP/1.x transport connection broken: malformed HTTP response")
    if isinstance(error, ssl.SSLError):
        return Untrusted(f"{where}: {_handshake(error)}")
    if isinstance(error, OSError):
        return Unreachable(f"{where}: {_errno(error, 'read')}", connected=True)
    return Unreachable(f"{where}: {error}", connected=connected)


def _certificate(error: Exception) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return str(error)
    if error.verify_code in {62, 64}:  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        return f"x509: {error.verify_message[:1].lower()}{error.verify_message[1:]}"
    return _CERTIFICATE.get(error.verify_code, f"x509: {error.verify_message}")


def _handshake(error: OSError) -> str:
    reason = getattr(error, "reason", None) or ""
    if reason in _NOT_TLS:
        return "http: server gave HTTP response to HTTPS client"
    if reason:
        return f"remote error: tls: {reason.lower().replace('_', ' ')}"
    return "remote error: tls: handshake failure"


def _errno(error: OSError, syscall: str = "connect") -> str:
    if isinstance(error, socket.gaierror):
        return "no such host"
    if error.errno:
        return f"{syscall}: {os.strerror(error.errno).lower()}"
    return str(error).lower() or f"{syscall}: failed"
