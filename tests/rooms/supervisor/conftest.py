"""A supervisor for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from support import native


@pytest_asyncio.fixture
async def host(tmp_path: Path, mark: str) -> AsyncIterator[native.Host]:
    async with native.host(tmp_path, mark) as host:
        yield host
