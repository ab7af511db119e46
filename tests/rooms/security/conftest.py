"""A busybox for the roots of containers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def busybox_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On the file system of the tests' directories, to be linked to."""
    program = shutil.which("busybox")
    assert program is not None
    return Path(shutil.copy(program, tmp_path_factory.mktemp("busybox") / "busybox"))
