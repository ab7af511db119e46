"""Reading json-file logs: exact bytes, the tail, spans of time, rotated and compressed files, following."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from corral.api.types.container import LogsOptions
from corral.engine.logger import files, tail
from corral.engine.logger.entry import decode, format_time, parse_time
from corral.engine.logger.lines import GzipLines, PlainLines
from corral.engine.logger.reader import LogReader
from corral.runtime.supervisor import entries, rotation

SECOND = 1_000_000_000
START = parse_time("2024-01-02T03:04:05.000000006Z") or 0


def line(text: str, stream: str = "stdout", at: int = START, **more: object) -> bytes:
    return json.dumps({"log": text, "stream": stream, "time": format_time(at), **more}).encode() + b"\n"


def wanted(**changes: object) -> LogsOptions:
    return LogsOptions(**{"stdout": True, "stderr": True, **changes})  # type: ignore[arg-type]


async def read(path: Path, ended: Callable[[], bool] = lambda: True, **options: object) -> list[tuple[int, bytes]]:
    return [item async for item in LogReader().read(path, wanted(**options), ended)]


async def texts(path: Path, **options: object) -> list[str]:
    return [text.decode() for _, text in await read(path, **options)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "ID-json.log"


# -- entries


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", SECOND * 3 // 2),
        ("2024-01-02T03:04:05.000000006Z", 1704164645 * SECOND + 6),
        ("2024-01-02T05:04:05.000000006+02:00", 1704164645 * SECOND + 6),
        ("2024-01-02T01:34:05-01:30", 1704164645 * SECOND),
        ("2024-01-02T03:04:05.00000000xZ", None),
        ("2024-13-02T03:04:05.000000000Z", None),
        ("2024-01-02", None),
        ("", None),
    ],
)
def test_times(text: str, expected: int | None) -> None:
    assert parse_time(text) == expected


def test_times_are_shown_with_nine_digits() -> None:
    assert format_time(START) == "2024-01-02T03:04:05.000000006Z"


@pytest.mark.parametrize("garbage", [b"", b"\0" * 50, b"{", b'{"log":"torn', b"[]", b'{"log":1}', b'{"log":"\xff"}'])
def test_garbage_is_no_entry(garbage: bytes) -> None:
    found = decode(garbage)
    assert found is None


def test_entry_behind_a_torn_one_is_found() -> None:
    found = decode(b'{"log":"torn, "str' + line("whole\n").rstrip())
    assert found is not None
    assert found.log == "whole\n"


# -- reading


async def test_log_that_does_not_exist_is_empty(log: Path) -> None:
    assert await read(log) == []
    assert await read(log, follow=True) == []
    assert await read(log.parent / "none" / "log", follow=True) == []


async def test_streams_and_bytes_are_kept(log: Path) -> None:
    log.write_bytes(line("out \u00e9\u2028\t\n") + line("err", "stderr") + line("other", "stdin"))
    assert await read(log) == [(1, "out \u00e9\u2028\t\n".encode()), (2, b"err")]
    assert await read(log, stderr=False) == [(1, "out \u00e9\u2028\t\n".encode())]
    assert await read(log, stdout=False) == [(2, b"err")]


async def test_what_the_supervisor_writes_is_what_comes_back(log: Path) -> None:
    written = bytes(range(1, 128)) + "\u20ac\U0001f600".encode() + b'"\\<&>\r\n' + b"x" * 40000 + b"\nlast"
    pieces, rest = entries.encode("stdout", written, START)
    log.write_bytes(b"".join([*pieces, *entries.flush("stdout", rest, START)]))
    found = await read(log)
    assert b"".join(text for _, text in found) == written
    assert max(len(text) for _, text in found) <= entries.LIMIT


async def test_corrupt_lines_are_left_out(log: Path) -> None:
    log.write_bytes(
        line("one\n") + b"\0\0\0\n" + b'{"log":"torn' + line("two\n") + b"x" * 3_000_000 + b"\n" + line("3\n")
    )
    assert await texts(log) == ["one\n", "two\n", "3\n"]


async def test_unfinished_last_line_is_left_out(log: Path) -> None:
    log.write_bytes(line("one\n") + line("two\n")[:-9])
    assert await texts(log) == ["one\n"]


async def test_reading_ends_where_the_log_ended_when_it_began(log: Path) -> None:
    log.write_bytes(line("x\n") * 2000)
    count = 0
    async for _ in LogReader().read(log, wanted(), lambda: False):
        count += 1
        with log.open("ab") as file:
            file.write(line("more\n"))
    assert count == 2000


async def test_timestamps_and_details(log: Path) -> None:
    log.write_bytes(
        line("a\n", attrs={"z": "1 2", "b": "c&d"})
        + json.dumps({"log": "b\n", "stream": "stdout", "time": "2024-01-02T03:04:05.5+01:00"}).encode()
        + b"\n"
    )
    stamps = ["2024-01-02T03:04:05.000000006Z", "2024-01-02T02:04:05.500000000Z"]
    assert await texts(log, timestamps=True) == [f"{stamps[0]} a\n", f"{stamps[1]} b\n"]
    assert await texts(log, details=True) == ["b=c%26d,z=1+2 a\n", " b\n"]
    assert await texts(log, details=True, timestamps=True) == [f"{stamps[0]} b=c%26d,z=1+2 a\n", f"{stamps[1]}  b\n"]


async def test_since_and_until_are_exact_to_the_nanosecond_and_inclusive(log: Path) -> None:
    log.write_bytes(b"".join(line(f"{n}", at=START + n) for n in range(10)))
    assert await texts(log, since=START + 3, until=START + 5) == ["3", "4", "5"]
    assert await texts(log, since=START + 8) == ["8", "9"]
    assert await texts(log, until=START) == ["0"]


# -- the tail


def numbered(first: int, last: int) -> bytes:
    return b"".join(line(f"{n}\n", at=START + n * SECOND) for n in range(first, last))


@pytest.mark.parametrize("count", [0, 1, 2, 99, 100, 101, 5000])
async def test_tail_of_one_file(log: Path, count: int) -> None:
    log.write_bytes(numbered(0, 100))
    assert await texts(log, tail=count) == [f"{n}\n" for n in range(max(0, 100 - count), 100)]


@pytest.mark.parametrize("count", [1, 700, 1500])
async def test_tail_reads_only_what_it_needs(log: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write_bytes(numbered(0, 50_000))
    read_bytes = 0
    pread = os.pread

    def counting(fd: int, size: int, offset: int) -> bytes:
        nonlocal read_bytes
        block = pread(fd, size, offset)
        read_bytes += len(block)
        return block

    monkeypatch.setattr(os, "pread", counting)
    assert len(await texts(log, tail=count)) == count
    assert read_bytes < 500_000


@pytest.mark.parametrize("count", [0, 5, 10, 11, 15, 20, 21, 25, 30, 35, None])
@pytest.mark.parametrize("compress", [False, True])
async def test_tail_reaches_into_rotated_files(log: Path, count: int | None, compress: bool) -> None:
    rotated = [(f"{log}.2", numbered(0, 10)), (f"{log}.1", numbered(10, 20))]
    for name, content in rotated:
        Path(f"{name}.gz" if compress else name).write_bytes(gzip.compress(content) if compress else content)
    log.write_bytes(numbered(20, 30))
    start = 0 if count is None else max(0, 30 - count)
    assert await texts(log, tail=count) == [f"{n}\n" for n in range(start, 30)]


async def test_tail_counts_entries_of_both_streams_before_time_is_looked_at(log: Path) -> None:
    log.write_bytes(line("a") + line("b", "stderr") + line("c", at=START + 5))
    assert await texts(log, tail=2, stderr=False) == ["c"]
    assert await texts(log, tail=2, since=START + 5) == ["c"]
    assert await texts(log, tail=1, until=START) == []


def test_tail_begins_before_an_unfinished_line(log: Path) -> None:
    log.write_bytes(b"one\ntwo\nthr")
    fd = os.open(log, os.O_RDONLY)
    try:
        assert [tail.offset_of_last(fd, 11, n) for n in range(4)] == [(8, 0), (4, 1), (0, 2), (0, 2)]
    finally:
        os.close(fd)


async def test_since_skips_most_of_a_big_file(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write_bytes(numbered(0, 50_000))
    blocks = 0
    read_block = PlainLines.read

    def counting(self: PlainLines) -> list[bytes] | None:
        nonlocal blocks
        blocks += 1
        return read_block(self)

    monkeypatch.setattr(PlainLines, "read", counting)
    assert await texts(log, since=START + 49_990 * SECOND) == [f"{n}\n" for n in range(49_990, 50_000)]
    assert blocks < 6


async def test_since_skips_files_that_were_finished_before(log: Path) -> None:
    old = Path(f"{log}.1")
    old.write_bytes(line("old", at=START + 9 * SECOND))
    os.utime(old, ns=(START, START))
    log.write_bytes(numbered(0, 3))
    assert await texts(log, since=START + SECOND) == ["1\n", "2\n"]


@pytest.mark.parametrize("since", [0, 1, 7, 500, 999, 1000, 2500])
def test_search_by_time_never_skips_too_much(log: Path, since: int) -> None:
    log.write_bytes(b"garbage\n" + numbered(0, 1000) + b"\0\n" + numbered(1000, 2000))
    fd = os.open(log, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        offset = tail.offset_of_time(fd, size, START + since * SECOND)
        content = log.read_bytes()
        assert offset == 0 or content[offset - 1 : offset] == b"\n"
        skipped = [decode(one) for one in content[:offset].splitlines()]
        assert all((parse_time(e.time) or 0) < START + since * SECOND for e in skipped if e is not None)
    finally:
        os.close(fd)


# -- compressed files


def test_gzip_members_after_one_another_and_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"a\nb\n") + gzip.compress(b"c\n" + b"d\n" * 100_000)[:-20])
    fd = os.open(path, os.O_RDONLY)
    reader, found = GzipLines(fd, 1), []
    while (block := reader.read()) is not None:
        found += block
    os.close(fd)
    assert found[:3] == [b"b", b"c", b"d"]


# -- following


class Writer:
    """Writes and rotates as the supervisor does."""

    def __init__(self, path: Path, max_files: int = 3, compress: bool = False) -> None:
        self.path, self.max_files, self.compress = path, max_files, compress
        self.count = 0
        self.ended = False

    def write(self, count: int = 1) -> None:
        with self.path.open("ab") as file:
            for _ in range(count):
                file.write(line(f"{self.count}\n", at=time.time_ns()))
                self.count += 1

    def rotate(self) -> None:
        rotation.rotate(str(self.path), self.max_files, self.compress)
        if self.compress and Path(f"{self.path}.1").exists():
            rotation.compress_file(f"{self.path}.1")

    @property
    def all(self) -> list[str]:
        return [f"{n}\n" for n in range(self.count)]


class Following:
    def __init__(self, writer: Writer, **options: object) -> None:
        self.found: list[str] = []
        self._writer = writer
        self.task = asyncio.create_task(self._run(wanted(follow=True, **options)))

    async def _run(self, options: LogsOptions) -> None:
        async for _, text in LogReader().read(self._writer.path, options, lambda: self._writer.ended):
            self.found.append(text.decode())

    async def until(self, count: int) -> None:
        deadline = time.monotonic() + 5
        for _ in iter(lambda: len(self.found) < count, False):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)

    async def end(self) -> list[str]:
        self._writer.ended = True
        async with asyncio.timeout(5):
            await self.task
        return self.found


async def test_follow_sees_what_is_there_and_what_comes_and_ends(log: Path) -> None:
    writer = Writer(log)
    writer.write(3)
    follower = Following(writer)
    await follower.until(3)
    writer.write()
    await follower.until(4)
    writer.write()
    assert await follower.end() == writer.all


async def test_follow_ends_at_once_when_the_container_has_ended(log: Path) -> None:
    writer = Writer(log)
    writer.write(3)
    writer.ended = True
    begin = time.monotonic()
    assert await Following(writer).end() == writer.all
    assert time.monotonic() - begin < 0.09


async def test_follow_waits_for_a_log_that_is_not_there_yet(log: Path) -> None:
    writer = Writer(log)
    follower = Following(writer)
    await asyncio.sleep(0.01)
    writer.write(2)
    await follower.until(2)
    assert await follower.end() == writer.all


async def test_follow_from_the_end(log: Path) -> None:
    writer = Writer(log)
    writer.write(5)
    follower = Following(writer, tail=0)
    await asyncio.sleep(0.01)
    writer.write(2)
    await follower.until(2)
    assert await follower.end() == ["5\n", "6\n"]


@pytest.mark.parametrize("compress", [False, True])
async def test_follow_survives_rotation(log: Path, compress: bool) -> None:
    writer = Writer(log, compress=compress)
    follower = Following(writer)
    for _ in range(12):
        writer.write(7)
        writer.rotate()
        writer.write(1)
        await asyncio.sleep(0.002)
    await follower.until(writer.count)
    assert await follower.end() == writer.all


async def test_follow_loses_nothing_when_it_reads_late(log: Path) -> None:
    writer = Writer(log, max_files=2)
    writer.write(1)
    reader = LogReader().read(log, wanted(follow=True), lambda: writer.ended)
    found = [(await anext(reader))[1].decode()]
    for _ in range(8):
        writer.rotate()
        writer.write(3)
        await asyncio.sleep(0.002)  # the reader is told, though nobody reads from it
    writer.ended = True
    found += [text.decode() async for _, text in reader]
    assert found == writer.all


async def test_follow_of_a_single_file_that_is_emptied(log: Path) -> None:
    writer = Writer(log, max_files=1)
    follower = Following(writer)
    for _ in range(4):
        writer.write(3)
        await follower.until(writer.count)
        writer.rotate()
        await asyncio.sleep(0.01)
    writer.write(2)
    await follower.until(writer.count)
    assert await follower.end() == writer.all


async def test_follow_joins_a_line_that_is_written_in_two_pieces(log: Path) -> None:
    whole = line("whole\n")
    log.write_bytes(whole[:20])
    ended = False
    task = asyncio.create_task(read(log, lambda: ended, follow=True))
    await asyncio.sleep(0.02)
    with log.open("ab") as file:
        file.write(whole[20:])
    await asyncio.sleep(0.02)
    ended = True
    assert await task == [(1, b"whole\n")]


async def test_follow_until_a_time_ends_by_itself(log: Path) -> None:
    log.write_bytes(line("x\n"))
    begin = time.monotonic()
    assert await read(log, lambda: False, follow=True, until=time.time_ns() + SECOND // 10) == [(1, b"x\n")]
    assert time.monotonic() - begin < 2
    later = START - 1
    assert await read(log, lambda: False, follow=True, until=later) == []


async def test_followers_share_one_instance_and_leave_nothing_open(log: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    writer = Writer(log)
    writer.write(1)
    reader = LogReader()
    generators = [reader.read(log, wanted(follow=True), lambda: False) for _ in range(5)]
    for generator in generators:
        await anext(generator)
    links = [
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{fd}")
    ]
    assert sum("inotify" in link for link in links) <= 1
    for generator in generators:
        await generator.aclose()  # type: ignore[attr-defined]
    assert len(os.listdir("/proc/self/fd")) == before


async def test_removed_directory_does_not_disturb_a_follower(tmp_path: Path) -> None:
    directory = tmp_path / "container"
    directory.mkdir()
    log = directory / "log"
    log.write_bytes(line("x\n"))
    ended = False
    task = asyncio.create_task(read(log, lambda: ended, follow=True))
    await asyncio.sleep(0.02)
    log.unlink()
    directory.rmdir()
    await asyncio.sleep(0.02)
    ended = True
    assert await task == [(1, b"x\n")]


# -- the chain


def test_chain_tolerates_the_gap_of_a_rotation_in_progress(log: Path) -> None:
    for name in ("", ".2", ".3.gz"):
        Path(f"{log}{name}").write_bytes(b"")
    chain = files.open_chain(str(log))
    assert [part.compressed for part in chain] == [True, False, False]
    files.close_all(chain)


def test_chain_reads_a_file_once_that_is_renamed_meanwhile(log: Path) -> None:
    log.write_bytes(b"")
    os.link(log, f"{log}.1")
    chain = files.open_chain(str(log))
    assert len(chain) == 1
    files.close_all(chain)


def test_chain_does_not_follow_symbolic_links(log: Path) -> None:
    Path(f"{log}.1").symlink_to("/etc/passwd")
    log.write_bytes(b"")
    with pytest.raises(OSError, match="symbolic links"):
        files.open_chain(str(log))
