"""The front door for Python programs: one object per daemon, one attribute per object of the API."""

from __future__ import annotations

import os

from corral.client.address import DEFAULT_HOST
from corral.client.api import Api

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from corral.client.containers import Containers
    from corral.client.events import Events
    from corral.client.exec import Execs
    from corral.client.images import Images
    from corral.client.networks import Networks
    from corral.client.system import System
    from corral.client.tls import TlsFiles
    from corral.client.volumes import Volumes


class Client:
    """``Client()`` talks to CORRAL_HOST, else DOCKER_HOST, else the default socket. A context manager."""

    __slots__ = ("api",)

    def __init__(self, host: str | None = None, *, tls: TlsFiles | None = None, version: str | None = None) -> None:
        chosen = host or os.environ.get("CORRAL_HOST") or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        self.api = Api(chosen, tls=tls, version=version)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.api.close()

    @property
    def containers(self) -> Containers:
        from corral.client.containers import Containers

        return Containers(self.api)

    @property
    def execs(self) -> Execs:
        from corral.client.exec import Execs

        return Execs(self.api)

    @property
    def images(self) -> Images:
        from corral.client.images import Images

        return Images(self.api)

    @property
    def networks(self) -> Networks:
        from corral.client.networks import Networks

        return Networks(self.api)

    @property
    def volumes(self) -> Volumes:
        from corral.client.volumes import Volumes

        return Volumes(self.api)

    @property
    def system(self) -> System:
        from corral.client.system import System

        return System(self.api)

    @property
    def events(self) -> Events:
        from corral.client.events import Events

        return Events(self.api)
