"""Whose memory limit was hit, read off recorded files of both versions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.runtime.cgroups.oom import HOST, OWN, OomWatch, kill_count


def events(directory: Path, *, local: int = 0, total: int = 0, kills: int = 0, limit: str = "max") -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "memory.max").write_text(f"{limit}\n")
    text = "low 0\nhigh 0\nmax {oom}\noom {oom}\noom_kill {kills}\noom_group_kill 0\n"
    (directory / "memory.events").write_text(text.format(oom=total, kills=kills))
    (directory / "memory.events.local").write_text(text.format(oom=local, kills=kills))


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[OomWatch]:
    events(tmp_path / "corral")
    events(tmp_path / "corral/x")
    found = OomWatch.v2(f"{tmp_path}/corral/x", str(tmp_path))
    yield found
    found.close()


def test_version_2_counts_where_the_limit_is(tmp_path: Path, watch: OomWatch) -> None:
    assert not watch.read()
    events(tmp_path / "corral/x", local=1, total=1, kills=1, limit="4096")
    assert watch.read()
    assert watch.limit() == OWN
    events(tmp_path / "corral/x", local=1, total=1, kills=2, limit="4096")
    events(tmp_path / "corral", local=1, total=2, kills=0, limit="8192")
    assert watch.read()
    assert watch.limit() == "/corral"


def test_version_2_nested_limit(tmp_path: Path, watch: OomWatch) -> None:
    events(tmp_path / "corral/x", total=1, kills=1)
    events(tmp_path / "corral/x/job/1", local=1, total=1, kills=1, limit="4096")
    assert watch.read()
    assert watch.limit() == "/corral/x/job/1"


def test_version_2_kill_without_a_limit_is_the_hosts(tmp_path: Path, watch: OomWatch) -> None:
    events(tmp_path / "corral/x", kills=1)
    assert watch.read()
    assert watch.limit() == HOST


def test_version_1_counts_nested_kills_one_by_one(tmp_path: Path) -> None:
    for name, kills in (("x", 1), ("x/a", 2), ("x/a/b", 3)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "memory.oom_control").write_text(f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n")
    assert kill_count(f"{tmp_path}/x", 1) == 1
    assert kill_count(f"{tmp_path}/x", 1, nested=True) == 6
    assert kill_count(f"{tmp_path}/gone", 1, nested=True) == 0


@pytest.fixture
def signalled(tmp_path: Path) -> Iterator[tuple[Path, OomWatch, int]]:
    """A version 1 group, its watch, and the descriptor by which the kernel signals."""
    group = tmp_path / "x"
    group.mkdir()
    (group / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    (group / "cgroup.event_control").touch()
    watch = OomWatch.v1(str(group), str(tmp_path))
    yield group, watch, watch.fileno()
    watch.close()


def test_version_1_group_that_is_removed_is_not_taken_for_a_kill(signalled: tuple[Path, OomWatch, int]) -> None:
    group, watch, fd = signalled
    shutil.rmtree(group)
    os.eventfd_write(fd, 1)
    assert not watch.read()
    assert not watch.killed


def test_version_1_kill_is_known_although_somebody_else_removed_the_group(
    signalled: tuple[Path, OomWatch, int],
) -> None:
    group, watch, fd = signalled
    os.eventfd_write(fd, 1)
    shutil.rmtree(group)
    os.eventfd_write(fd, 1)
    assert watch.read()
    assert watch.limit() == OWN
    assert not watch.read()
    assert watch.killed


def test_version_1_kill_is_known_when_the_group_goes_between_the_signal_and_the_kill(
    signalled: tuple[Path, OomWatch, int],
) -> None:
    group, watch, fd = signalled
    os.eventfd_write(fd, 1)
    assert not watch.read()
    assert watch.unsure
    shutil.rmtree(group)
    assert watch.read()
    assert not watch.unsure
