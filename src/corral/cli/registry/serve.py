"""corral registry serve."""

from __future__ import annotations

import os

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, INT, STRING
from corral.cli.registry.kinds import DURATION, SIZE
from corral.cli.session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from corral.registry.settings import Proxy, Settings, Tls

DEFAULT_ROOT = "/var/lib/corral-registry"


def run(session: Session, options: Options, _args: list[str]) -> int:
    from corral.registry.logs import set_up
    from corral.registry.server import serve

    level = "debug" if session.debug else session.options.text("log-level")
    set_up(level)
    serve(settings(options))
    return 0


def settings(options: Options) -> Settings:
    """Raises CliError or Invalid for what does not go together."""
    from pathlib import Path

    from corral.registry.auth.access import Settings as AccessSettings
    from corral.registry.settings import Settings, parse_address

    return Settings(
        root=Path(os.path.abspath(options.text("root"))),
        address=parse_address(options.text("addr")),
        tls=_tls(options),
        access=AccessSettings(
            htpasswd=_path(options, "htpasswd"),
            rules=_path(options, "rules"),
            realm=options.text("token-realm"),
            basic=options.switch("basic"),
        ),
        token_service=options.text("token-service"),
        token_lifetime=int(options.decimal("token-expiry")),
        proxy=_proxy(options),
        read_only=options.switch("read-only"),
        deletes=not options.switch("no-delete"),
        quota=options.number("quota"),
        max_uploads=options.number("max-uploads"),
        upload_timeout=options.decimal("upload-timeout"),
        chunk_minimum=options.number("chunk-min-length"),
        collect_interval=options.decimal("gc-interval"),
        collect_grace=options.decimal("gc-grace"),
        collect_untagged=options.switch("gc-untagged"),
        workers=options.number("workers"),
        shutdown_timeout=options.decimal("shutdown-timeout"),
        access_log=options.switch("access-log"),
    )


def _path(options: Options, name: str) -> Path | None:
    from pathlib import Path

    text = options.text(name)
    return Path(os.path.abspath(text)) if text else None


def _tls(options: Options) -> Tls | None:
    from corral.registry.settings import Tls

    certificate, key, clients = (_path(options, name) for name in ("tls-cert", "tls-key", "tls-client-ca"))
    if certificate is None and key is None and clients is None:
        return None
    if certificate is None or key is None:
        raise CliError("TLS needs both --tls-cert and --tls-key")
    return Tls(certificate, key, clients)


def _proxy(options: Options) -> Proxy | None:
    from corral.registry.settings import Proxy

    url = options.text("proxy")
    if not url:
        return None
    password = ""
    file = options.text("proxy-password-file")
    if file:
        with open(file, encoding="utf-8") as source:
            password = source.readline().rstrip("\r\n")
    return Proxy(url, options.text("proxy-user"), password, options.decimal("proxy-keep"), _path(options, "proxy-ca"))


COMMAND = Command(
    run,
    flags=(
        Flag("access-log", "", BOOL, "Log every request"),
        Flag(
            "addr", "", STRING, "Address to listen on: HOST:PORT, :PORT or unix:///PATH",
            default="127.0.0.1:5000", shown='"127.0.0.1:5000"',
        ),
        Flag("basic", "", BOOL, "Ask clients for Basic credentials, and not to fetch a token"),
        Flag("chunk-min-length", "", SIZE, "Smallest chunk of an upload that clients are asked for"),
        Flag("gc-grace", "", DURATION, "Age at which unreferenced content is garbage", default=3600.0, shown="1h"),
        Flag("gc-interval", "", DURATION, "Time between garbage collections, 0 for none", default=3600.0, shown="1h"),
        Flag("gc-untagged", "", BOOL, "Collect manifests that no tag leads to as well"),
        Flag("htpasswd", "", STRING, "File of users and their bcrypt passwords"),
        Flag(
            "max-uploads", "", INT, "Uploads that may be unfinished at a time, 0 for any number",
            default=1000, shown="1000",
        ),
        Flag("no-delete", "", BOOL, "Refuse to delete tags, manifests and blobs"),
        Flag("proxy", "", STRING, "Be a pull-through cache of the registry at this URL"),
        Flag("proxy-ca", "", STRING, "Trust this CA for the cached registry"),
        Flag(
            "proxy-keep", "", DURATION, "Time for which cached content is kept that nobody asks for, 0 for ever",
            default=604800.0, shown="168h",
        ),
        Flag("proxy-password-file", "", STRING, "File with the password for the cached registry"),
        Flag("proxy-user", "", STRING, "User name for the cached registry"),
        Flag("quota", "", SIZE, "Size of everything at which pushes are refused (of a cache: its oldest content goes)"),
        Flag("read-only", "", BOOL, "Refuse every change"),
        Flag("root", "", STRING, "Directory of the registry", default=DEFAULT_ROOT, shown=f'"{DEFAULT_ROOT}"'),
        Flag("rules", "", STRING, "File of what whom is allowed to do with which repository"),
        Flag("shutdown-timeout", "", DURATION, "Time that requests have to end in", default=10.0, shown="10s"),
        Flag("tls-cert", "", STRING, "Certificate chain in PEM"),
        Flag("tls-client-ca", "", STRING, "Ask clients for a certificate by this CA"),
        Flag("tls-key", "", STRING, "Private key in PEM"),
        Flag("token-expiry", "", DURATION, "Lifetime of a bearer token", default=300.0, shown="5m"),
        Flag("token-realm", "", STRING, "URL of /token, if clients cannot reach it where they reach the registry"),
        Flag(
            "token-service", "", STRING, "Name of the service that tokens are for",
            default="corral-registry", shown='"corral-registry"',
        ),
        Flag(
            "upload-timeout", "", DURATION, "Time after which an upload is forgotten that nobody goes on with",
            default=86400.0, shown="24h",
        ),
        Flag("workers", "", INT, "Processes that serve", default=1, shown="1"),
    ),
    examples=(
        ("On this machine, for this machine", "corral registry serve"),
        (
            "For others, with TLS and passwords",
            "corral registry serve --addr :443 --tls-cert cert.pem --tls-key key.pem --htpasswd users --rules rules",
        ),
        ("A cache of another registry", "corral registry serve --addr 127.0.0.1:5001 --proxy https://registry-1.docker.io"),
    ),
)  # fmt: skip
