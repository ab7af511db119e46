"""TLS towards a registry: which authorities are believed, and what the client shows of itself.

As Docker, per registry and read anew when it has changed::

    CERTS-DIRECTORY/HOST[:PORT]/
    ├── NAME.crt     authorities, besides those of the system
    ├── NAME.cert    a certificate of the client's
    └── NAME.key     and its key

Source: docs.docker.com, "Verify repository client with certificates"; the error texts are dockerd's.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from corral.errors import Invalid

_Stamp = tuple[tuple[str, int], ...]


class Certificates:
    """Makes contexts, which costs about 20 ms each, once for each registry."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._contexts: dict[tuple[str, bool], tuple[_Stamp, ssl.SSLContext]] = {}

    def context(self, host: str, *, insecure: bool) -> ssl.SSLContext:
        """``host`` with its port, if the name has one. Raises Invalid for what stands in its directory."""
        directory = self._directory / host
        stamp = () if insecure else _stamp(directory)
        known = self._contexts.get((host, insecure))
        if known is None or known[0] != stamp:
            known = (stamp, _unchecked() if insecure else _checked(directory, [name for name, _ in stamp]))
            self._contexts[host, insecure] = known
        return known[1]


def _stamp(directory: Path) -> _Stamp:
    try:
        with os.scandir(directory) as entries:
            return tuple(sorted((entry.name, entry.stat().st_mtime_ns) for entry in entries))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise Invalid(f"open {directory}: {(error.strerror or 'failed').lower()}") from error


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _checked(directory: Path, names: list[str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for name in names:
        stem, dot, kind = name.rpartition(".")
        match dot + kind:
            case ".crt":
                _believe(context, directory / name)
            case ".cert":
                if f"{stem}.key" not in names:
                    raise Invalid(
                        f"missing key {stem}.key for client certificate {name}. "
                        "CA certificates must use the extension .crt"
                    )
                _show(context, directory / name, directory / f"{stem}.key")
            case ".key":
                if f"{stem}.cert" not in names:
                    raise Invalid(f"missing client certificate {stem}.cert for key {name}")
    return context


def _believe(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        return  # no certificate in it: not an error, as with Docker
    except OSError as error:
        raise Invalid(f"open {path}: {(error.strerror or 'failed').lower()}") from error


def _show(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    def refuse() -> bytes:
        raise ValueError("the key is encrypted")  # instead of asking on the daemon's terminal

    try:
        context.load_cert_chain(certificate, key, password=refuse)
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        raise Invalid(f"could not load client certificate {certificate} with key {key}: {reason}") from error
    except ValueError as error:
        raise Invalid(f"could not load client certificate {certificate} with key {key}: {error}") from error
    except OSError as error:
        raise Invalid(f"open {error.filename or certificate}: {(error.strerror or 'failed').lower()}") from error
