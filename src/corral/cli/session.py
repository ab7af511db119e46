"""What every verb works with: the global flags, the daemon's API on first use, standard output."""

from __future__ import annotations

import os

from corral.cli.config import Config, default_directory
from corral.cli.errors import CliError
from corral.cli.output import Output
from corral.client.address import DEFAULT_HOST, parse_address
from corral.client.api import Api
from corral.client.errors import BadAddress, ConnectionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.cli.flags import Options
    from corral.client.tls import TlsFiles


class Session:
    """One invocation. ``command`` is the verb as it was typed, ``corral container ls``."""

    __slots__ = ("_api", "_config", "command", "options", "out")

    def __init__(self, options: Options) -> None:
        self.options = options
        self.out = Output()
        self.command = "corral"
        self._api: Api | None = None
        self._config: Config | None = None

    @property
    def debug(self) -> bool:
        return self.options.switch("debug")

    @property
    def config(self) -> Config:
        if self._config is None:
            self._config = Config.load(self.options.text("config") or default_directory())
        return self._config

    @property
    def api(self) -> Api:
        """The daemon, started first when it is nowhere and it is ours to start. Raises CliError, ConnectionFailed."""
        if self._api is None:
            self._api = self._connect()
        return self._api

    def _connect(self) -> Api:
        hosts = self.options.items("host")
        if len(hosts) > 1:
            raise CliError("Specify only one -H")
        given = hosts[0] if hosts else os.environ.get("CORRAL_HOST") or os.environ.get("DOCKER_HOST") or ""
        tls = self._tls()
        try:
            address = parse_address(given or DEFAULT_HOST, tls=tls is not None)
        except BadAddress as error:
            raise CliError(f"Failed to initialize: unable to resolve docker endpoint: {error}") from None
        version = os.environ.get("CORRAL_API_VERSION") or os.environ.get("DOCKER_API_VERSION")
        api = Api(address, tls=tls, version=version)
        if not given:
            try:
                _ = api.prefix
            except ConnectionFailed as error:
                from corral.cli.autostart import may_start, start_daemon

                if not error.absent or not may_start():
                    raise
                start_daemon(address.path)
        return api

    def _tls(self) -> TlsFiles | None:
        options = self.options
        verify = options.switch("tlsverify") or bool(os.environ.get("DOCKER_TLS_VERIFY"))
        if not (verify or options.switch("tls") or bool(os.environ.get("DOCKER_TLS"))):
            return None
        from corral.client.tls import TlsFiles

        files = TlsFiles.below(os.environ.get("DOCKER_CERT_PATH") or default_directory(), verify=verify)
        files.ca = options.text("tlscacert") or files.ca
        files.cert = options.text("tlscert") or files.cert
        files.key = options.text("tlskey") or files.key
        return files
