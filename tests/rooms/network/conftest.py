"""A lab of namespaces, and network services that act in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from corral.network.controller import NetworkService
from support import needs, netlab
from support.network_room import Host


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[netlab.Lab]:
    if reason := needs.missing("root") or needs.missing("namespaces"):
        pytest.skip(reason)
    with netlab.opened(tmp_path) as lab:
        yield lab


@pytest.fixture
async def host(lab: netlab.Lab, tmp_path: Path) -> AsyncIterator[Host]:
    host = Host(lab, tmp_path)
    yield host
    for service in host.services:
        await service.close()
    host.database.close()


@pytest.fixture
async def service(host: Host) -> NetworkService:
    return await host.service()
