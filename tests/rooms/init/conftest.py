"""A busybox root on this machine's disk, and boxes with it as their root."""

from __future__ import annotations

from pathlib import Path

import pytest

from corral.oci.rootfs import RootfsMount
from support.boxes import Box, NoCgroup, make_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory that is the root of ``box``, to be prepared by the test."""
    return make_root(tmp_path / "root")


@pytest.fixture
def box(root: Path, tmp_path: Path) -> Box:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    return Box((RootfsMount("bind", str(root)),), bundle, NoCgroup())
