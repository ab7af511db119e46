"""A certificate authority of the tests' own, and what it signs; made by the openssl program."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    certificate: Path
    key: Path

    def server(self, clients: Path | None = None) -> ssl.SSLContext:
        """``clients``: the authority whose certificates clients must show."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if clients is not None:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Authority:
    def __init__(self, directory: Path, name: str = "corral test authority") -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._pair = Pair(directory / "ca.pem", directory / "ca.key")
        self._count = 0
        _openssl("req", "-x509", *_new(self._pair.key), "-subj", f"/CN={name}", "-out", str(self._pair.certificate))

    @property
    def certificate(self) -> Path:
        return self._pair.certificate

    def sign(self, *names: str, days: int = 2) -> Pair:
        """``names``: as subjectAltName has them, "IP:127.0.0.1" or "DNS:localhost"."""
        self._count += 1
        stem = self._directory / str(self._count)
        pair = Pair(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        extensions = stem.with_suffix(".ext")
        extensions.write_text(f"subjectAltName={','.join(names)}\n" if names else "")
        request = stem.with_suffix(".csr")
        _openssl("req", *_new(pair.key), "-subj", "/CN=test", "-out", str(request))
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self._pair.key),
            "-CAcreateserial", "-days", str(days), "-extfile", str(extensions), "-out", str(pair.certificate),
        )  # fmt: skip
        return pair


def _new(key: Path) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
