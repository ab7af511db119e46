"""TLS for tcp:// addresses: certificate files as docker names them, and the context made from them on first use."""

from __future__ import annotations

import os

from corral.client.errors import ConnectionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl


class TlsFiles:
    """Paths of the certificate authority, the client's certificate and its key; ``verify`` checks the server's."""

    __slots__ = ("ca", "cert", "key", "verify")

    def __init__(self, *, ca: str, cert: str, key: str, verify: bool) -> None:
        self.ca = ca
        self.cert = cert
        self.key = key
        self.verify = verify

    @classmethod
    def below(cls, directory: str, *, verify: bool) -> TlsFiles:
        ca, cert, key = (os.path.join(directory, name) for name in ("ca.pem", "cert.pem", "key.pem"))
        return cls(ca=ca, cert=cert, key=key, verify=verify)

    def context(self) -> ssl.SSLContext:
        """Raises ConnectionFailed naming the file that cannot be used."""
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = self.verify
        context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
        try:
            if self.verify:
                if os.path.exists(self.ca):
                    context.load_verify_locations(self.ca)
                else:
                    context.load_default_certs()
            if os.path.exists(self.cert) or os.path.exists(self.key):
                context.load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ConnectionFailed(
                f"could not load TLS material ({self.ca}, {self.cert}, {self.key}): {error}"
            ) from error
        return context
