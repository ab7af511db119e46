"""The reader on recorded trees of version 2, version 1 and a mixture, and the texts of procfs."""

from __future__ import annotations

from pathlib import Path

import pytest

from corral.engine.stats.interfaces import Interface, parse
from corral.engine.stats.reader import Reader, Source, processor_time
from corral.runtime.cgroups.hierarchies import Hierarchies, Hierarchy

STAT = """cpu  100 1 20 3000 40 5 6 7 8 9
cpu0 50 1 10 1500 20 5 3 7 8 9
cpu1 50 0 10 1500 20 0 3 0 0 0
intr 1 2 3
"""
NET_DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compr
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0      0
  eth0:12345678      10    1    2    0     0          0         0     5000      20    3    4    0     0       0      0
br:0.1:       7       6    5    4    0     0          0         0        3       2    1    0    0     0       0      0
"""


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    write(tmp_path / "proc", {"stat": STAT, "7/net/dev": NET_DEV})
    return tmp_path / "proc"


def test_processor_time_counts_what_docker_counts() -> None:
    assert processor_time(STAT) == ((100 + 1 + 20 + 3000 + 40 + 5 + 6) * 10_000_000, 2)
    assert processor_time("") == (0, 0)


def test_interfaces_are_those_that_were_asked_for() -> None:
    assert parse(NET_DEV, ("eth0",)) == {"eth0": Interface(12345678, 10, 1, 2, 5000, 20, 3, 4)}
    assert list(parse(NET_DEV, ("br:0.1", "eth0"))) == ["eth0", "br:0.1"]
    assert parse(NET_DEV, ("eth7",)) == {}
    assert parse("", ("eth0",)) == {}


def test_version_2(tmp_path: Path, proc: Path) -> None:
    write(
        tmp_path / "v2/corral/x",
        {
            "cpu.stat": "usage_usec 9\nuser_usec 5\nsystem_usec 4\n",
            "memory.stat": "anon 5\n",
            "memory.current": "4096\n",
            "memory.max": "max\n",
            "cpu.pressure": "some avg10=1.50 avg60=0.00 avg300=0.00 total=77\n",
        },
    )
    v2 = Hierarchy(str(tmp_path / "v2"), 2, frozenset({"memory", "cpu", "pids"}))
    reader = Reader(lambda: Hierarchies((), v2), proc=str(proc), clock=lambda: 1234)
    found = reader.read(Source("/corral/x", 7, ("eth0",)))
    assert found is not None
    assert (found.at, found.online_cpus, found.group.version) == (1234, 2, 2)
    assert found.group.cpu.total == 9000
    assert found.group.memory.usage == 4096
    assert found.interfaces["eth0"].rx_bytes == 12345678
    assert list(found.group.pressure) == ["cpu"]
    assert found.group.pressure["cpu"].some is not None
    assert found.group.pressure["cpu"].some.total == 77
    assert found.group.pressure["cpu"].full is None


def test_a_mixture_takes_memory_from_version_1_and_pressure_from_version_2(tmp_path: Path, proc: Path) -> None:
    write(
        tmp_path,
        {
            "memory/corral/x/memory.stat": "cache 5\n",
            "memory/corral/x/memory.usage_in_bytes": "4096\n",
            "memory/corral/x/memory.failcnt": "3\n",
            "memory/corral/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            "v2/corral/x/cpu.stat": "usage_usec 9\n",
            "v2/corral/x/io.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
            "v2/corral/x/cgroup.threads": "1\n2\n",
        },
    )
    v1 = Hierarchy(str(tmp_path / "memory"), 1, frozenset({"memory"}))
    v2 = Hierarchy(str(tmp_path / "v2"), 2, frozenset())
    found = Reader(lambda: Hierarchies((v1,), v2), proc=str(proc)).read(Source("/corral/x"))
    assert found is not None
    assert found.group.version == 1
    assert found.group.memory.events == {"max": 3, "oom_kill": 2}
    assert found.group.cpu.total == 9000
    assert found.group.pids.current == 2
    assert list(found.group.pressure) == ["io"]
    assert found.interfaces == {}


def test_a_group_that_is_gone_is_no_sample_of_zeros(tmp_path: Path, proc: Path) -> None:
    (tmp_path / "v2").mkdir()
    v2 = Hierarchy(str(tmp_path / "v2"), 2, frozenset({"memory"}))
    assert Reader(lambda: Hierarchies((), v2), proc=str(proc)).read(Source("/corral/x")) is None


def test_a_process_that_is_gone_has_no_interfaces(tmp_path: Path, proc: Path) -> None:
    write(tmp_path / "v2/x", {"cpu.stat": "usage_usec 9\n"})
    v2 = Hierarchy(str(tmp_path / "v2"), 2, frozenset())
    found = Reader(lambda: Hierarchies((), v2), proc=str(proc)).read(Source("/x", 9, ("eth0",)))
    assert found is not None
    assert found.interfaces == {}


def test_a_group_below_the_parent_of_an_earlier_configuration_is_found(tmp_path: Path, proc: Path) -> None:
    write(tmp_path / "v2/old/x", {"cpu.stat": "usage_usec 9\n"})
    write(proc, {"7/cgroup": "4:memory:/elsewhere\n0::/old/x/nested/deep\n"})
    v2 = Hierarchy(str(tmp_path / "v2"), 2, frozenset())
    reader = Reader(lambda: Hierarchies((), v2), proc=str(proc))
    found = reader.read(Source("/new/x", 7))
    assert found is not None
    assert found.group.cpu.total == 9000
    assert reader.read(Source("/new/y", 7)) is None
