"""A busybox root on this machine's disk, and boxes with it as their root."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from corral.oci.rootfs import RootfsMount
from support.boxes import Box, NoCgroup, make_root


@pytest.fixture(scope="session")
def busybox_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = shutil.which("busybox")
    assert program is not None
    return Path(shutil.copy(program, tmp_path_factory.mktemp("busybox") / "busybox"))


@pytest.fixture
def root(tmp_path: Path, busybox_copy: Path) -> Path:
    """The directory that is the root of ``box``, to be prepared by the test."""
    return make_root(tmp_path / "root", busybox_copy)


@pytest.fixture
def box(root: Path, tmp_path: Path) -> Box:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    return Box((RootfsMount("bind", str(root)),), bundle, NoCgroup())


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A directory of the host that no container is given."""
    path = tmp_path / "host"
    path.mkdir()
    (path / "secret").write_text("the host's\n")
    return path
