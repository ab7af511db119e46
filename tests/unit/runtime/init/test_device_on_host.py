"""Where nodes cannot be made they are borrowed: the right one, never the one that happens to have the name."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from corral.oci.runtime import Device
from corral.runtime.init.devices import on_host


def test_the_host_has_it_by_the_same_name() -> None:
    assert on_host(Device("/dev/null", "c", 1, 3), stat.S_IFCHR) == "/dev/null"


def test_another_devices_name_does_not_give_that_device() -> None:
    assert on_host(Device("/dev/full", "c", 1, 5), stat.S_IFCHR) == "/dev/zero"


def test_a_new_name_is_found_by_number() -> None:
    assert on_host(Device("/dev/inner/mine", "c", 1, 3), stat.S_IFCHR) == "/dev/null"


@pytest.mark.parametrize("device", [Device("/dev/null", "c", 4000, 7), Device("/dev/null", "b", 1, 3)])
def test_what_the_host_does_not_have_is_refused(device: Device) -> None:
    kind = stat.S_IFBLK if device.type == "b" else stat.S_IFCHR
    with pytest.raises(OSError, match="the host has no node of this device"):
        on_host(device, kind)


def test_a_pipe_is_known_by_its_name_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    assert on_host(Device(f"{tmp_path}/pipe", "p"), stat.S_IFIFO) == f"{tmp_path}/pipe"
    with pytest.raises(OSError, match="no node"):
        on_host(Device(f"{tmp_path}/file", "p"), stat.S_IFIFO)
