"""Log files move up, as Docker names them, also when the last rotation was cut short."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from corral.runtime.driver import LogFile
from corral.runtime.supervisor.logfile import LogWriter
from corral.runtime.supervisor.rotation import Rename, compress_file, plan, rotate


def moves(existing: set[str], max_files: int, compress: bool = False) -> list[tuple[str, str]]:
    return [(move.source, move.target) for move in plan("X", max_files, compress, existing.__contains__)]


def test_first_rotation_only_moves_the_log_itself() -> None:
    assert moves(set(), 3) == [("X", "X.1")]


def test_oldest_is_overwritten_when_all_are_there() -> None:
    assert moves({"X.1", "X.2"}, 3) == [("X.1", "X.2"), ("X", "X.1")]


def test_files_move_up_only_to_the_first_gap() -> None:
    """A rotation that was killed after its first rename has left one, and its files must not be moved twice."""
    assert moves({"X.1", "X.2", "X.4"}, 6) == [("X.2", "X.3"), ("X.1", "X.2"), ("X", "X.1")]
    assert moves({"X.2"}, 3) == [("X", "X.1")]


def test_compressed_files_have_their_suffix() -> None:
    assert moves({"X.1.gz"}, 3, compress=True) == [("X.1.gz", "X.2.gz"), ("X", "X.1")]


def test_single_file_is_emptied(tmp_path: Path) -> None:
    log = tmp_path / "X"
    log.write_text("old")
    assert plan(str(log), 1, False, lambda _: False) == []
    rotate(str(log), 1, False)
    assert log.read_text() == ""
    assert isinstance(Rename("a", "b"), Rename)


def test_compressed_file_has_the_same_content(tmp_path: Path) -> None:
    path = tmp_path / "X.1"
    content = b'{"log":"x\\n"}\n' * 50_000
    path.write_bytes(content)
    compress_file(str(path))
    assert [entry.name for entry in tmp_path.iterdir()] == ["X.1.gz"]
    assert gzip.decompress((tmp_path / "X.1.gz").read_bytes()) == content


def writer(path: Path, **options: object) -> LogWriter:
    return LogWriter(LogFile(str(path), **options), lambda _: lambda: True)  # type: ignore[arg-type]


def test_log_is_rotated_when_it_has_reached_its_size(tmp_path: Path) -> None:
    log = writer(tmp_path / "X", max_size=100, max_files=3)
    for number in range(12):
        log.rotate_if_due()
        log.append([b"%02d" % number, b"." * 47 + b"\n"], log.size, 50)
    assert (tmp_path / "X").read_bytes()[:2] == b"10"
    assert (tmp_path / "X.1").read_bytes()[:2] == b"08"
    assert (tmp_path / "X.2").read_bytes()[:2] == b"06"
    assert len(list(tmp_path.iterdir())) == 3


def test_rotation_waits_for_the_compression_of_the_last_one(tmp_path: Path) -> None:
    done = [False]
    log = LogWriter(LogFile(str(tmp_path / "X"), 10, 3, True), lambda _: lambda: done[0])
    log.append([b"x" * 20], log.size, 20)
    log.rotate_if_due()
    log.append([b"y" * 20], log.size, 20)
    log.rotate_if_due()
    assert (tmp_path / "X").read_bytes() == b"y" * 20
    (tmp_path / "X.1").rename(tmp_path / "X.1.gz")
    done[0] = True
    log.rotate_if_due()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["X", "X.1", "X.2.gz"]


def test_chunks_become_smaller_before_a_rotation(tmp_path: Path) -> None:
    """So that the file gets about as long as it may be, however much longer entries are than their output."""
    log = writer(tmp_path / "X", max_size=1_000_000)
    while log.size < 1_000_000:
        size = log.chunk_limit
        log.append([b"x" * (size * 11)], log.size, size)
    assert log.size < 1_010_000


def test_log_is_appended_to_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "X").write_text("before\n")
    log = writer(tmp_path / "X")
    assert log.size == 7
    log.append([b"after\n"], log.size, 6)
    assert (tmp_path / "X").read_text() == "before\nafter\n"


def test_entries_that_are_there_in_part_are_completed(tmp_path: Path) -> None:
    (tmp_path / "X").write_text("before\naft")
    log = writer(tmp_path / "X")
    log.append([b"af", b"ter\n"], 7, 6)
    assert (tmp_path / "X").read_text() == "before\nafter\n"
    log.append([b"af", b"ter\n"], 7, 6)
    assert (tmp_path / "X").read_text() == "before\nafter\n"


def test_second_compression_of_a_file_finds_it_done(tmp_path: Path) -> None:
    """Two supervisors in a row may have begun one each."""
    path = tmp_path / "X.1"
    content = b"x" * 3_000_000
    path.write_bytes(content)
    pids = []
    for _ in range(3):
        pid = os.fork()
        if not pid:
            try:
                compress_file(str(path))
                os._exit(0)
            finally:
                os._exit(1)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
    assert [entry.name for entry in tmp_path.iterdir()] == ["X.1.gz"]
    assert gzip.decompress((tmp_path / "X.1.gz").read_bytes()) == content
