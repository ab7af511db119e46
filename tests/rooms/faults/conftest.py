"""A supervisor behind a tap."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.runtime import supervisor
from support import native
from support.tap import Tap


@pytest.fixture(scope="session")
def busybox_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On the file system of the tests' directories, to be linked to."""
    program = shutil.which("busybox")
    assert program is not None
    return Path(shutil.copy(program, tmp_path_factory.mktemp("busybox") / "busybox"))


@pytest_asyncio.fixture
async def tapped(tmp_path: Path, mark: str, busybox_copy: Path) -> AsyncIterator[tuple[native.Host, Tap]]:
    """A host whose supervisor, and whatever that forks, makes no system call without the tap."""
    tap = Tap()
    host = native.Host(tmp_path, mark, busybox_copy)
    host.root.root.mkdir(parents=True)
    main = Path(supervisor.__file__ or "").with_name("main.py")
    paths = (host.root.supervisor_socket, host.root.supervisor_lock, host.root.supervisor_spool, host.root.containers)
    with host.root.supervisor_log.open("ab") as log:
        pid = tap.spawn([sys.executable, "-SI", main, *paths], output=log.fileno())
    _, status = os.waitpid(pid, 0)  # noqa: ASYNC222 - the tap has a thread of its own
    assert status == 0, host.faults()
    try:
        await host.connect()
        try:
            yield host, tap
        finally:
            await host.close()
    finally:
        tap.close()
