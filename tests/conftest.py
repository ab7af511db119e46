"""Preconditions by ``@pytest.mark.requires``, the run's mark, and the leak check that closes every run."""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from support import engines, leaks, needs

busybox, host, fresh_host = engines.busybox, engines.host, engines.fresh_host


hypothesis.settings.register_profile("corral", deadline=None)  # other workers take the processor away at any time
hypothesis.settings.load_profile("corral")


def pytest_configure() -> None:
    os.environ.setdefault(leaks.ENVIRONMENT, f"ct{secrets.token_hex(3)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"host", "fresh_host", "busybox"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.requires(*engines.NEEDS))
        for marker in item.iter_markers("requires"):
            for need in marker.args:
                if reason := needs.missing(need):
                    item.add_marker(pytest.mark.skip(reason=reason))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run when something that carries its mark is left; in the controlling process, after all workers."""
    if hasattr(session.config, "workerinput"):
        return
    deadline = time.monotonic() + 10
    while (left := leaks.find(os.environ[leaks.ENVIRONMENT])) and time.monotonic() < deadline:
        time.sleep(0.2)
    if left:
        print("\nleft behind by this run:\n  " + "\n  ".join(left))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def peer_alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that use the machine's Docker engine take turns, whatever worker they run on."""
    needed = {need for marker in request.node.iter_markers("requires") for need in marker.args}
    if "docker-peer" not in needed:
        yield
        return
    with open(Path(tempfile.gettempdir()) / "corral-tests-peer.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def mark() -> str:
    """The run's mark: part of the name of everything that tests make outside their directories."""
    return os.environ[leaks.ENVIRONMENT]
