"""A disk that is full, has no inodes left; a host that gives no more processes: what fails says so and leaves nothing,
and works as soon as there is room again."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corral.linux import mount
from support.host import TestHost

pytestmark = pytest.mark.requires("root", "overlay")

SIZE = "size=320m,nr_inodes=8192"


@pytest.fixture
def small(mark: str, busybox: Path) -> Iterator[TestHost]:
    """A host whose data root is a file system of its own, with a container that runs."""
    host = TestHost(mark)
    host.data_root.mkdir(parents=True)
    mount.mount("small", str(host.data_root), "tmpfs", 0, SIZE)
    try:
        host.start()
        host.import_busybox(busybox)
        host.docker("run", "-d", "--name", "there", "busybox", "sh", "-c", "while sleep 0.01; do echo line; done")
        yield host
    finally:
        host.close()
        with contextlib.suppress(FileNotFoundError):
            mount.umount2(str(host.data_root), mount.MNT_DETACH)


def fill_blocks(host: TestHost) -> Callable[[], None]:
    filler = host.data_root / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return filler.unlink


def fill_inodes(host: TestHost) -> Callable[[], None]:
    directory = host.data_root / "fillers"
    directory.mkdir()
    made = []
    try:
        while True:
            path = directory / str(len(made))
            path.touch()
            made.append(path)
    except OSError:
        pass

    def free() -> None:
        for path in made:
            path.unlink()
        directory.rmdir()

    return free


def tree(host: TestHost) -> set[str]:
    """Of the data root, without what belongs to the container that runs, databases and logs."""
    found = set()
    for directory, names, files in os.walk(host.data_root):
        where = Path(directory).relative_to(host.data_root)
        if where.parts[:1] in (("trash",), ("tmp",)) or "diff" in where.parts or "fillers" in where.parts:
            names.clear()
            continue
        found |= {str(where / name) for name in [*names, *files]}
    return {path for path in found if not path.endswith(("-wal", "-shm", ".log", "filler", "fillers"))}


TRIES = {
    "create": ("create", "--name", "box", "busybox", "true"),
    "run": ("run", "--name", "box", "-v", "vol:/data", "busybox", "true"),
    "volume": ("volume", "create", "vol"),
    "commit": ("commit", "there", "committed"),
    "exec": ("exec", "there", "sh", "-c", "head -c 100000 /dev/zero > /file"),
}
FULL = re.compile("no space left on device|disk is full|I/O error", re.IGNORECASE)


@pytest.mark.parametrize("fill", [fill_blocks, fill_inodes])
def test_nothing_half_done_stays_of_what_a_full_disk_refuses(
    small: TestHost, fill: Callable[[TestHost], Callable[[], None]]
) -> None:
    host = small
    before = tree(host)
    free = fill(host)
    for name, command in TRIES.items():
        done = host.docker(*command, check=False)
        if done.returncode == 0:  # the database had a little room left
            assert name == "volume"
            continue
        assert FULL.search(done.stderr), (name, done.stderr)
        assert "Error: " not in done.stderr.replace("I/O error: ", ""), "it speaks Python"
    assert host.docker("ps", "-a", "--format", "{{.Names}}").stdout.split() == ["there"]
    assert "line" in host.docker("logs", "there").stdout
    free()
    if host.docker("volume", "ls", "-q").stdout:
        host.docker("volume", "rm", "vol")
    assert tree(host) == before
    for name, command in TRIES.items():
        if name != "run":
            host.docker(*command)
    host.docker("start", "-a", "box")
    host.docker("rm", "box")
    host.docker(*TRIES["run"])
    have = len(host.docker("logs", "there").stdout.splitlines())
    deadline = time.monotonic() + 20
    while len(host.docker("logs", "there").stdout.splitlines()) <= have:
        assert time.monotonic() < deadline, "the log goes on"
    host.docker("rm", "-f", "there", "box")
    host.docker("rmi", "committed")
    host.docker("volume", "rm", "vol")


def test_a_container_that_is_there_is_removed_while_the_disk_is_full(small: TestHost) -> None:
    free = fill_blocks(small)
    small.docker("stop", "-t", "0", "there", check=False)
    done = small.docker("rm", "-f", "there", check=False)
    free()
    if done.returncode:
        assert FULL.search(done.stderr), done.stderr
        small.docker("rm", "-f", "there")
    assert small.docker("ps", "-aq").stdout == ""


def test_the_daemon_ends_and_comes_back_while_the_disk_is_full(small: TestHost) -> None:
    free = fill_blocks(small)
    small.restart()
    assert small.docker("ps", "--format", "{{.Names}}").stdout.split() == ["there"]
    free()
    assert small.docker("exec", "there", "echo", "hi").stdout == "hi\n"
    small.docker("run", "--rm", "busybox", "true")
