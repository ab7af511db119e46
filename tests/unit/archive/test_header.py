"""Tar headers: what is written is read back, in our reader and in Python's."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.archive import entry as kinds
from corral.archive import header, pax, writer
from corral.archive.entry import Entry
from corral.archive.reader import TarReader
from corral.archive.stream import ByteStream
from corral.errors import Invalid

NAMES = st.binary(min_size=1, max_size=400).filter(lambda name: b"\0" not in name and not name.endswith(b"/"))


def read(content: bytes) -> Entry | None:
    return TarReader(ByteStream(iter([content])), 1 << 20).next()


@given(
    name=NAMES,
    link=NAMES,
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 2),
    gid=st.integers(0, 2**32 - 2),
    mtime=st.integers(-(2**40) * 10**9, 2**40 * 10**9),
    size=st.integers(0, 2**50),
    xattrs=st.dictionaries(
        st.binary(min_size=1, max_size=30).filter(lambda key: not set(key) & set(b"\0=")), st.binary(max_size=300)
    ),
)
def test_every_field_survives(
    name: bytes, link: bytes, mode: int, uid: int, gid: int, mtime: int, size: int, xattrs: dict[bytes, bytes]
) -> None:
    written = Entry(name, mode=mode, size=size)
    written.linkname, written.uid, written.gid, written.mtime = link, uid, gid, mtime
    written.xattrs = xattrs
    found = read(writer.encode(written))
    assert found is not None
    for field in ("name", "linkname", "mode", "uid", "gid", "mtime", "size", "kind", "xattrs"):
        assert getattr(found, field) == getattr(written, field), field


@given(regions=st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 1000)), max_size=60), tail=st.integers(0, 5000))
def test_sparse_maps_survive(regions: list[tuple[int, int]], tail: int) -> None:
    position = 0
    absolute = []
    for gap, length in regions:
        absolute.append((position + gap, length))
        position += gap + length
    written = Entry(b"dir/sparse", size=sum(length for _, length in regions))
    written.regions, written.real_size = absolute, position + tail
    found = read(writer.encode(written))
    assert found is not None
    assert (found.name, found.regions, found.size, found.real_size) == (
        b"dir/sparse",
        absolute,
        written.size,
        position + tail,
    )


def test_python_reads_what_is_written() -> None:
    entry = Entry(b"d/" * 100 + "ü".encode(), mode=0o4755, size=3)
    entry.uid, entry.mtime = 5_000_000, 1_234_567_890_123_456_789
    content = writer.encode(entry) + b"abc" + bytes(header.padding(3)) + writer.END
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        info = archive.getmember("d/" * 100 + "ü")
        assert (info.mode, info.uid, info.size) == (0o4755, 5_000_000, 3)
        assert float(info.mtime) == pytest.approx(1_234_567_890.123_456_789)
        file = archive.extractfile(info)
        assert file is not None
        assert file.read() == b"abc"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b" 644 \0\0\0", 0o644),
        (b"00000644", 0o644),
        (bytes(8), 0),
        (b"        ", 0),
        (b"\x80\0\0\0\0\0\0\x01", 1),
        (b"\x80\0\0\0\0\x2d\xc6\xc0", 3_000_000),
        (b"\xff" * 8, -1),
        (b"\xff\xff\xff\xff\xff\xff\xff\x00", -256),
    ],
)
def test_numbers(field: bytes, value: int) -> None:
    assert header.number(field) == value


@pytest.mark.parametrize("field", [b"garbage\0", b"0x12\0\0\0\0", b"89\0\0\0\0\0\0"])
def test_bad_numbers(field: bytes) -> None:
    with pytest.raises(Invalid):
        header.number(field)


def test_checksums_of_signed_characters_are_accepted() -> None:
    block = bytearray(header.encode(Entry(b"caf\xe9")))
    block[148:156] = b" " * 8
    signed = sum(byte - 256 if byte > 127 else byte for byte in block)
    block[148:156] = b"%06o\0 " % signed
    assert header.decode(bytes(block)).name == b"caf\xe9"


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        (b"0", 0),
        (b"1.5", 1_500_000_000),
        (b"1350244992.023960108", 1_350_244_992_023_960_108),
        (b"1.0000000019", 1_000_000_001),
        (b"-1.5", -1_500_000_000),
        (b"-0.000000001", -1),
        (b".5", 500_000_000),
        (b"7.", 7_000_000_000),
    ],
)
def test_times(text: bytes, nanoseconds: int) -> None:
    assert pax.decode_time(text) == nanoseconds


@given(st.integers(-(2**63), 2**63))
def test_times_survive(nanoseconds: int) -> None:
    assert pax.decode_time(pax.encode_time(nanoseconds)) == nanoseconds


@pytest.mark.parametrize("text", [b"", b".", b"-", b"1e5", b"1.2.3", b"nan", b"1" * 100])
def test_bad_times(text: bytes) -> None:
    with pytest.raises(Invalid):
        pax.decode_time(text)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=20).filter(lambda k: b"=" not in k), st.binary(max_size=200))))
def test_extended_records_survive(records: list[tuple[bytes, bytes]]) -> None:
    assert pax.decode(pax.encode(records)) == records


def test_global_headers_hold_for_all_that_follow() -> None:
    info = tarfile.TarInfo("x")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", pax_headers={"uid": "77", "comment": "c"}) as archive:
        archive.addfile(info)
        archive.addfile(tarfile.TarInfo("y"))
    reader = TarReader(ByteStream(iter([buffer.getvalue()])), 1 << 20)
    entries = [reader.next(), reader.next()]
    assert [(entry.name, entry.uid) for entry in entries if entry] == [(b"x", 77), (b"y", 77)]
    assert reader.next() is None


def test_raw_bytes_and_payloads_are_the_whole_archive() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, size in (("a", 5), ("b" * 150, 512), ("c", 0), ("d", 1000)):
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, io.BytesIO(b"x" * size))
    reader = TarReader(ByteStream(iter([buffer.getvalue()])), 1 << 20)
    collected = b""
    while entry := reader.next():
        collected += entry.raw + reader.payload()
    collected += b"".join(bytes(piece) for piece in reader.tail())
    assert collected == buffer.getvalue()


def test_sizes_of_links_and_directories_are_ignored() -> None:
    info = tarfile.TarInfo("link")
    info.type, info.linkname, info.size = tarfile.LNKTYPE, "target", 700
    after = tarfile.TarInfo("after")
    reader = TarReader(ByteStream(iter([info.tobuf() + after.tobuf() + bytes(1024)])), 1 << 20)
    assert [entry.name for entry in (reader.next(), reader.next()) if entry] == [b"link", b"after"]


def test_kinds_of_old_writers() -> None:
    def kind(flag: bytes, name: str = "x") -> bytes:
        info = tarfile.TarInfo(name)
        info.type = flag
        found = read(info.tobuf() + bytes(1024))
        assert found is not None
        return found.kind

    assert kind(b"\0") == kinds.REGULAR
    assert kind(b"7") == kinds.REGULAR
    assert kind(b"\0", "dir/") == kinds.DIRECTORY
    assert kind(b"D") == kinds.DIRECTORY
    with pytest.raises(Invalid, match="unhandled"):
        kind(b"Z")
