"""What the tests through clients have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.host import TestHost


@pytest.fixture
def clean(host: TestHost) -> Iterator[None]:
    """Removes every container of the shared host afterwards."""
    yield
    if ids := host.docker("ps", "-aq").stdout.split():
        host.docker("rm", "-f", "-v", *ids)
