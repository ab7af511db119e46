"""Decompression: what comes out is what went in, in bounded pieces; bombs and damage are errors."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
from collections.abc import Callable

import pytest
import zstandard

from corral.archive.compression import CHUNK, Compression, decompress, detect
from corral.archive.limits import Limits, Meter
from corral.errors import Exhausted, Invalid

PACKERS: dict[Compression, Callable[[bytes], bytes]] = {
    Compression.NONE: lambda data: data,
    Compression.GZIP: gzip.compress,
    Compression.ZSTD: lambda data: zstandard.ZstdCompressor().compress(data),
    Compression.XZ: lzma.compress,
    Compression.BZIP2: bz2.compress,
}
PACKED = [kind for kind in PACKERS if kind is not Compression.NONE]
CONTENT = b"header" + os.urandom(300_000) + b"text " * 200_000


def plain(packed: bytes, limits: Limits | None = None) -> bytes:
    meter = Meter(limits or Limits())
    result = b""
    for piece in decompress(io.BytesIO(packed).read, meter):
        assert len(piece) <= CHUNK + 1024
        meter.add(len(piece))
        result += piece
    assert meter.compressed == len(packed)
    return result


@pytest.mark.parametrize("kind", PACKERS)
def test_content_survives(kind: Compression) -> None:
    packed = PACKERS[kind](CONTENT)
    assert detect(packed[:16]) is kind
    assert plain(packed) == CONTENT


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("content", [b"", b"x", b"short"])
def test_short_content_survives(kind: Compression, content: bytes) -> None:
    assert plain(PACKERS[kind](content)) == content


@pytest.mark.parametrize("kind", PACKED)
def test_members_that_follow_each_other_are_one_stream(kind: Compression) -> None:
    assert plain(PACKERS[kind](b"first ") + PACKERS[kind](b"") + PACKERS[kind](b"second")) == b"first second"


def test_zeros_after_the_last_member_are_padding() -> None:
    assert plain(gzip.compress(b"content") + bytes(700_000)) == b"content"


@pytest.mark.parametrize("kind", [Compression.GZIP, Compression.XZ, Compression.BZIP2])
def test_cut_stream(kind: Compression) -> None:
    packed = PACKERS[kind](CONTENT)
    with pytest.raises(Invalid):
        plain(packed[: len(packed) // 2])


@pytest.mark.parametrize("kind", PACKED)
def test_damaged_stream(kind: Compression) -> None:
    packed = bytearray(PACKERS[kind](b"text " * 5000))
    middle = len(packed) // 2
    packed[middle : middle + 8] = b"\xff\x00\xff\x00\xff\x00\xff\x00"
    with pytest.raises(Invalid):
        assert plain(bytes(packed)) == b"text " * 5000


@pytest.mark.parametrize("kind", PACKED)
def test_junk_after_the_stream(kind: Compression) -> None:
    with pytest.raises(Invalid):
        assert plain(PACKERS[kind](b"content") + b"junk that is no member") == b"content"


@pytest.mark.parametrize("kind", PACKED)
def test_decompression_bomb_by_ratio(kind: Compression) -> None:
    bomb = PACKERS[kind](bytes(20 << 20))
    with pytest.raises(Exhausted, match="bomb"):
        plain(bomb, Limits(max_ratio=100, ratio_floor=1 << 20))


@pytest.mark.parametrize("kind", PACKED)
def test_decompression_bomb_by_size(kind: Compression) -> None:
    with pytest.raises(Exhausted, match="more than 1048576 bytes"):
        plain(PACKERS[kind](bytes(20 << 20)), Limits(max_bytes=1 << 20))


def test_zstd_window_of_gigabytes() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    packed = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    content = packed.compress(os.urandom(1000)) + packed.flush()
    with pytest.raises(Invalid, match="zstd"):
        plain(content)


def test_honest_compression_is_no_bomb() -> None:
    assert len(plain(gzip.compress(bytes(30 << 20)), Limits(ratio_floor=1 << 20))) == 30 << 20


def test_full_file_system_stops_the_archive(tmp_path: object) -> None:
    directory = os.open(str(tmp_path), os.O_RDONLY)
    try:
        meter = Meter(Limits(free_floor=1 << 62), directory)
        with pytest.raises(Exhausted, match="no space left"):
            meter.add(1)
    finally:
        os.close(directory)
