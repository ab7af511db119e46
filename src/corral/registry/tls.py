"""Certificates: into a context at the start, and into the same context again when they were renewed."""

from __future__ import annotations

import ssl

from corral.errors import Invalid
from corral.registry.settings import Tls

__all__ = ["load_certificates", "tls_context"]


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Raises Invalid."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificates(context, tls)
    return context


def load_certificates(context: ssl.SSLContext, tls: Tls) -> None:
    """Into a context that may be in use. Raises Invalid."""
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.clients:
            context.load_verify_locations(tls.clients)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise Invalid(f"cannot use {tls.certificate} and {tls.key}: {reason}") from None
