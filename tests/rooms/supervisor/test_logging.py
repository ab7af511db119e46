"""Logs of real containers."""

from __future__ import annotations

import gzip
import json

import pytest

from corral.runtime.driver import LogFile
from support import boxes
from support.native import Host, eventually

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")


async def test_partial_line_waits_for_its_end(host: Host) -> None:
    id = await host.run("printf one; sleep 0.2; echo ' two'; printf three; sleep 1000", log=True)
    await eventually(lambda: host.log(id).stat().st_size > 0)
    assert [entry["log"] for entry in host.entries(id)] == ["one two\n"]
    await host.driver.delete(id)
    assert [entry["log"] for entry in host.entries(id)] == ["one two\n", "three"]


async def test_every_number_is_in_the_rotated_files(host: Host) -> None:
    path = host.directory / "rotated"
    id = await host.run("seq 200000", log=LogFile(str(path), max_size=2_000_000, max_files=50))
    await host.events.exit(id)
    files = sorted(host.directory.glob("rotated.*"), key=lambda path: -int(path.suffix[1:]))
    assert len(files) >= 3
    lines = [json.loads(line)["log"] for file in (*files, path) for line in file.read_bytes().splitlines()]
    assert lines == [f"{number}\n" for number in range(1, 200_001)]
    assert all(2_000_000 <= file.stat().st_size < 2_400_000 for file in files)


async def test_rotated_files_are_compressed_and_old_ones_go(host: Host) -> None:
    path = host.directory / "rotated"
    log = LogFile(str(path), max_size=500_000, max_files=3, compress=True)
    id = await host.run("seq 30000; sleep 0.5; seq 30000; sleep 0.5; seq 30000", log=log)
    await host.events.exit(id)
    await eventually(lambda: not (host.directory / "rotated.1").exists())
    assert sorted(file.name for file in host.directory.glob("rotated*")) == ["rotated", "rotated.1.gz", "rotated.2.gz"]
    lines = gzip.decompress((host.directory / "rotated.1.gz").read_bytes()).splitlines()
    assert all(json.loads(line)["stream"] == "stdout" for line in lines)


async def test_log_goes_on_where_an_earlier_run_ended(host: Host) -> None:
    log = LogFile(str(host.directory / "log"))
    for word in ("first", "second"):
        id = await host.run(f"echo {word}", log=log)
        await host.events.exit(id)
        await host.driver.delete(id)
    lines = (host.directory / "log").read_text().splitlines()
    assert [json.loads(line)["log"] for line in lines] == ["first\n", "second\n"]


async def test_container_without_a_log_can_write_what_it_likes(host: Host) -> None:
    id = await host.run("seq 100000; exit 4")
    assert (await host.events.exit(id)).code == 4
