"""An engine over fakes for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from unit.engine.fakes import World, build_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = build_world(tmp_path)
    yield world
    await world.runtime_events.settle()
    world.database.close()
