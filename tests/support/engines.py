"""Engines to test against: ``host`` is shared by the tests of a worker, ``fresh_host`` belongs to one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.host import TestHost, busybox_archive

NEEDS = ("root", "namespaces", "cgroup", "overlay", "busybox", "docker-cli", "ip", "tar")
"""What a test host needs; any test that uses one of these fixtures is skipped with the reason when it is missing."""


@pytest.fixture(scope="session")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of the busybox image."""
    return busybox_archive(tmp_path_factory.mktemp("busybox"))


@pytest.fixture(scope="session")
def host(mark: str, busybox: Path) -> Iterator[TestHost]:
    """A running engine with busybox:latest. Tests remove what they make in it."""
    yield from _running(mark, busybox)


@pytest.fixture
def fresh_host(mark: str, busybox: Path) -> Iterator[TestHost]:
    """A running engine of the test's own, which it may restart, kill and fill."""
    yield from _running(mark, busybox)


def _running(mark: str, busybox: Path) -> Iterator[TestHost]:
    host = TestHost(mark)
    try:
        host.start()
        host.import_busybox(busybox)
        yield host
    finally:
        host.close()
