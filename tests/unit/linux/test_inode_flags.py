"""Attributes of directories, where the file system has them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from corral.linux.inode_flags import FS_TOPDIR_FL, get_flags, set_flags


def test_a_flag_is_added_to_those_that_are_set(tmp_path: Path) -> None:
    try:
        before = get_flags(str(tmp_path))
        set_flags(str(tmp_path), FS_TOPDIR_FL)
    except OSError as error:
        pytest.skip(f"the file system of {tmp_path}: {error.strerror}")
    assert get_flags(str(tmp_path)) == before | FS_TOPDIR_FL
    set_flags(str(tmp_path), FS_TOPDIR_FL)
    if shutil.which("lsattr"):
        shown = subprocess.run(["lsattr", "-d", tmp_path], capture_output=True, text=True, check=True).stdout
        assert "T" in shown.split()[0]


def test_a_file_system_without_flags_says_so() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=r"ioctl|not"):
        set_flags("/proc/self", FS_TOPDIR_FL)
    assert len(os.listdir("/proc/self/fd")) == before
