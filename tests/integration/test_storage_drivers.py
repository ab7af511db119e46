"""Whole engines on each storage driver: images, containers, commit, copies, and what a write costs."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.host import TestHost, busybox_archive
from support.loops import loop_btrfs

DRIVERS = (
    "vfs",
    pytest.param("btrfs", marks=pytest.mark.requires("btrfs")),
    pytest.param("fuse-overlayfs", marks=pytest.mark.requires("fuse-overlayfs")),
)


@pytest.fixture(scope="module", params=DRIVERS)
def engine(request: pytest.FixtureRequest, mark: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHost]:
    with contextlib.ExitStack() as stack:
        made = TestHost(mark, flags=("--storage-driver", request.param))
        stack.callback(made.close)
        if request.param == "btrfs":
            disk = tmp_path_factory.mktemp("disk") / "disk"
            stack.enter_context(loop_btrfs(disk, made.data_root, 600 << 20))
        made.start()
        made.import_busybox(busybox_archive(tmp_path_factory.mktemp("busybox")))
        yield made
        for container in made.docker("ps", "-aq").stdout.split():
            made.docker("rm", "-f", container)


def test_info_names_the_driver(engine: TestHost) -> None:
    driver = engine.docker("info", "-f", "{{.Driver}}").stdout.strip()
    assert engine.flags == ["--storage-driver", driver]


def test_containers_live_on_it(engine: TestHost) -> None:
    assert engine.docker("run", "--rm", "busybox", "sh", "-c", "echo hi > /x; cat /x; rm /etc/group").stdout == "hi\n"
    engine.docker("run", "--name", "made", "busybox", "sh", "-c", "echo new > /new; rm /etc/group; mkdir -p /d/e")
    assert engine.docker("diff", "made").stdout.splitlines() == ["A /d", "A /d/e", "C /etc", "D /etc/group", "A /new"]
    engine.docker("commit", "made", "made:1")
    shown = engine.docker("run", "--rm", "made:1", "sh", "-c", "cat /new; ls /etc/group", check=False)
    assert shown.stdout == "new\n"
    assert "No such file" in shown.stderr
    engine.docker("start", "-a", "made")
    engine.docker("rm", "made")
    engine.docker("rmi", "made:1")


def test_files_are_copied_both_ways(engine: TestHost, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("content")
    engine.docker("run", "-d", "--name", "box", "busybox", "sleep", "1000")
    for state in ("running", "stopped"):
        engine.docker("cp", tmp_path / "in", f"box:/{state}")
        engine.docker("cp", f"box:/{state}", tmp_path / state)
        assert (tmp_path / state).read_text() == "content"
        engine.docker("export", "-o", tmp_path / "all", "box")
        engine.docker("kill", "box", check=False)
    engine.docker("start", "box")
    assert engine.docker("exec", "box", "cat", "/running", "/stopped").stdout == "contentcontent"
    engine.docker("rm", "-f", "box")


def test_images_are_saved_and_loaded(engine: TestHost, tmp_path: Path) -> None:
    engine.docker("run", "--name", "made", "busybox", "sh", "-c", "echo new > /new")
    engine.docker("commit", "made", "saved:1")
    layers = engine.docker("image", "inspect", "-f", "{{.RootFS.Layers}}", "saved:1").stdout
    engine.docker("save", "-o", tmp_path / "saved", "saved:1")
    engine.docker("rm", "made")
    engine.docker("rmi", "saved:1")
    engine.docker("load", "-i", tmp_path / "saved")
    assert engine.docker("image", "inspect", "-f", "{{.RootFS.Layers}}", "saved:1").stdout == layers
    assert engine.docker("run", "--rm", "saved:1", "cat", "/new").stdout == "new\n"
    engine.docker("rmi", "saved:1")


def test_nothing_is_left_of_what_was_removed(engine: TestHost) -> None:
    engine.docker(
        "run", "--name", "gone", "busybox", "sh", "-c", "mkdir -p /a/b/c; head -c 1000000 /dev/zero > /a/b/c/d"
    )
    directory = engine.data_root / engine.docker("info", "-f", "{{.Driver}}").stdout.strip()
    before = len(os.listdir(directory))
    engine.docker("rm", "gone")
    assert len(os.listdir(directory)) == before - 1
    mounts = subprocess.run(["grep", "-c", str(directory), "/proc/self/mountinfo"], capture_output=True, text=True)
    assert mounts.stdout == "0\n"


def test_a_data_root_of_another_driver_is_refused(engine: TestHost) -> None:
    engine.stop()
    flags, engine.flags = engine.flags, ["--storage-driver", "overlay2"]
    with pytest.raises(RuntimeError, match="was made with storage driver"):
        engine.start()
    engine.daemon = None
    engine.flags = []
    engine.start()  # not told, it takes the one that is there
    assert engine.docker("info", "-f", "{{.Driver}}").stdout.strip() == flags[1]
    engine.stop()
    engine.flags = flags
    engine.start()
