"""A scripted registry, and a client that is impatient."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from corral.image.distribution.registry import Patience, Registries, RegistryConfig
from support.scripted_registry import ScriptedRegistry

IMPATIENT = Patience(connect=5, silence=5, digestion=5, backoff=0.001, longest_backoff=0.01)


@pytest.fixture
def config(tmp_path: Path) -> RegistryConfig:
    return RegistryConfig(certs_directory=tmp_path / "certs.d", patience=IMPATIENT, attempts=3)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedRegistry]:
    async with ScriptedRegistry().running() as server:
        yield server


@pytest.fixture
async def registries(config: RegistryConfig) -> AsyncIterator[Registries]:
    registries = Registries(config)
    yield registries
    await registries.close()
