"""Archives that something happened to: each is unpacked, or refused with one line, and nothing outside is touched."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import zstandard
from hypothesis import strategies as st

from corral.archive import recipe
from corral.archive.apply import Applier, Whiteouts
from corral.archive.compression import decompress
from corral.archive.limits import Limits, Meter
from corral.archive.reader import TarReader
from corral.archive.recipe import RecipeWriter
from corral.archive.remove import remove_tree
from corral.archive.stream import ByteStream
from corral.errors import CorralError, Invalid
from support import tars

pytestmark = pytest.mark.requires("root")

BLOCK = 512
LIMITS = Limits(max_bytes=64 << 20, max_entries=2000, free_floor=0, max_special=1 << 20)


def _sparse() -> bytes:
    """GNU's PAX format 1.0: a map before the data."""
    data = b"2\n0\n512\n4096\n512\n".ljust(BLOCK, b"\0") + b"a" * BLOCK + b"b" * BLOCK
    info = tarfile.TarInfo("GNUSparseFile.0/sparse")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "sparse",
        "GNU.sparse.realsize": "8192",
    }
    return tars.tar((info, data))


def _corpus() -> dict[str, bytes]:
    everything = (
        tars.directory("./"),
        tars.directory("dir", mode=0o2755),
        tars.file("dir/file", b"content\n" * 100, mode=0o4755, uid=70000, gid=3),
        tars.file("x" * 90 + "/" + "y" * 120, b"long"),
        tars.symlink("way", "dir"),
        tars.symlink("far", "/etc/" + "z" * 150),
        tars.hardlink("same", "dir/file"),
        tars.device("null", 1, 3),
        tars.fifo("pipe"),
        tars.file("dir/.wh.gone"),
        tars.file("dir/.wh..wh..opq"),
        tars.file("dir/file", b"again"),
        tars.file("way/through", b"link"),
    )
    return {
        "pax": tars.tar(*everything),
        "gnu": tars.tar(*everything, form=tarfile.GNU_FORMAT),
        "sparse": _sparse(),
        "gzip": gzip.compress(tars.tar(*everything), mtime=0),
        "zstd": zstandard.compress(tars.tar(*everything)),
        "empty": tars.tar(),
    }


CORPUS = _corpus()


def attempt(content: bytes, place: Path, whiteouts: Whiteouts) -> str:
    """Unpacks as a worker does; the refusal, or nothing. A recipe that was written makes the same tar again."""
    root, record, aside = place / "root", place / "recipe", place / "aside"
    root.mkdir(parents=True)
    meter = Meter(LIMITS)
    plain = b""

    def counted() -> object:
        nonlocal plain
        for piece in decompress(io.BytesIO(content).read, meter):
            meter.add(len(piece))
            plain += piece
            yield piece

    writer = RecipeWriter(str(record))
    applier = Applier(os.fsencode(root), whiteouts, LIMITS.max_entries, writer, os.fsencode(aside))
    try:
        applier.run(TarReader(ByteStream(counted()), LIMITS.max_special))  # type: ignore[arg-type]
    except CorralError as error:
        return error.message
    finally:
        writer.close()
    if whiteouts is Whiteouts.OVERLAY:
        assert b"".join(recipe.assemble(str(record), str(root), str(aside))) == plain
    return ""


def repaired(content: bytearray) -> bytes:
    """With right checksums wherever something looks like a header, so that the fault behind it is reached."""
    for start in range(0, len(content) - BLOCK + 1, BLOCK):
        block = content[start : start + BLOCK]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            content[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    return bytes(content)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    content = bytearray(CORPUS[draw(st.sampled_from(sorted(CORPUS)))])
    for _ in range(draw(st.integers(1, 4))):
        if not content:
            break
        at = draw(st.integers(0, len(content) - 1))
        match draw(st.sampled_from(("byte", "field", "cut", "drop", "double", "swap", "number", "kind"))):
            case "byte":
                content[at] = draw(st.integers(0, 255))
            case "field":
                field = draw(st.binary(min_size=1, max_size=40))
                content[at : at + len(field)] = field
            case "cut":
                del content[at:]
            case "drop":
                start = at // BLOCK * BLOCK
                del content[start : start + BLOCK]
            case "double":
                start = at // BLOCK * BLOCK
                content[start:start] = content[start : start + BLOCK * draw(st.integers(1, 4))]
            case "swap":
                start, other = at // BLOCK * BLOCK, draw(st.integers(0, len(content) - 1)) // BLOCK * BLOCK
                one, two = bytes(content[start : start + BLOCK]), bytes(content[other : other + BLOCK])
                if len(one) == len(two) == BLOCK:
                    content[start : start + BLOCK], content[other : other + BLOCK] = two, one
            case "number":  # a field of a header: size, owner, time, device
                offset, width = draw(st.sampled_from(((100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (329, 8))))
                value = draw(st.sampled_from((-1, 0, 1 << 31, 1 << 62, -(1 << 62), 7)))
                base256 = bytearray(value.to_bytes(width, "big", signed=True))
                base256[0] = 0xFF if value < 0 else 0x80
                start = at // BLOCK * BLOCK + offset
                content[start : start + width] = base256
            case "kind":
                start = at // BLOCK * BLOCK + 156
                content[start : start + 1] = draw(
                    st.sampled_from((b"0", b"1", b"2", b"5", b"x", b"g", b"L", b"S", b"V"))
                )
    return repaired(content) if draw(st.booleans()) else bytes(content)


@pytest.mark.parametrize("whiteouts", [Whiteouts.OVERLAY, Whiteouts.REMOVE, Whiteouts.KEEP])
@hypothesis.settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
@hypothesis.given(content=mutated())
def test_a_mutated_archive_is_unpacked_or_refused_in_one_line(
    tmp_path: Path, whiteouts: Whiteouts, content: bytes
) -> None:
    place = tmp_path / "place"
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    try:
        message = attempt(content, place, whiteouts)
        assert "\n" not in message
        assert len(message) < 500
        assert outside.read_text() == "untouched"
        assert sorted(os.listdir(tmp_path)) == ["outside", "place"]
    finally:
        shutil.rmtree(place)


def _header(name: bytes, **fields: bytes) -> bytes:
    """A regular file's header with fields as they are given: ``size``, ``mode``, ``kind``, ..."""
    block = bytearray(BLOCK)
    block[: len(name)] = name
    places = {"mode": (100, b"0000644\0"), "uid": (108, b"0000000\0"), "gid": (116, b"0000000\0"),
              "size": (124, b"00000000000\0"), "mtime": (136, b"00000000000\0"), "kind": (156, b"0"),
              "link": (157, b""), "magic": (257, b"ustar\x0000")}  # fmt: skip
    for field, (offset, value) in places.items():
        value = fields.get(field, value)
        block[offset : offset + len(value)] = value
    return repaired(block)


END = bytes(2 * BLOCK)

ODD: dict[str, tuple[bytes, str]] = {
    "a negative size": (_header(b"f", size=b"\xff" * 12) + END, "negative size"),
    "a size beyond everything": (_header(b"f", size=b"\x80" + b"\xff" * 11) + END, "unexpected EOF"),
    "a huge special header": (_header(b"f", kind=b"x", size=b"77777777777\0") + END, "extended header of"),
    "a long name without a member": (_header(b"f", kind=b"L", size=b"00000001000\0") + b"a" * 512, "unexpected EOF"),
    "no number where one must be": (_header(b"f", size=b"zzzzzzzzzzz\0") + END, "bad number"),
    "an owner beyond 32 bits": (_header(b"f", uid=b"\x80\0\0\x01\0\0\0\0") + END, "owner out of range"),
    "a time beyond the clock": (_header(b"f", mtime=b"\x80" + b"\x7f" * 11) + END, "time out of range"),
    "an unknown kind": (_header(b"f", kind=b"!") + END, "unhandled tar header type"),
    "several volumes": (_header(b"f", kind=b"M") + END, "multi-volume"),
    "a file called like the root": (_header(b"./") + END, ""),
    "a zero byte in a PAX name": (
        _header(b"p", kind=b"x", size=b"00000000014\0") + b"12 path=a\0b\n".ljust(BLOCK, b"\0") + _header(b"f") + END,
        "zero byte",
    ),
    "a PAX record without its length": (
        _header(b"p", kind=b"x", size=b"00000000005\0") + b"path=".ljust(BLOCK, b"\0") + _header(b"f") + END,
        "bad extended record",
    ),
    "a PAX record longer than its header": (
        _header(b"p", kind=b"x", size=b"00000000012\0") + b"99 path=ab".ljust(BLOCK, b"\0") + _header(b"f") + END,
        "bad extended record",
    ),
    "headers without a member": (
        _header(b"p", kind=b"x", size=b"00000000013\0") + b"11 path=ab\n".ljust(BLOCK, b"\0") + END,
        "unexpected EOF",
    ),
    "nothing at all": (b"", ""),
    "one block of zeros": (bytes(BLOCK), ""),
    "half a header": (_header(b"f")[:300], "unexpected EOF"),
    "noise": (bytes(range(256)) * 4, "invalid tar header"),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
def test_oddities(tmp_path: Path, case: str) -> None:
    content, words = ODD[case]
    message = attempt(content, tmp_path / "place", Whiteouts.OVERLAY)
    assert (words in message) if words else message == ""


def _nested(depth: int) -> bytes:
    return tars.tar(*(tars.directory("/".join(["d"] * (level + 1))) for level in range(depth)))


MANY: dict[str, Callable[[], bytes]] = {
    "too many members": lambda: tars.tar(*(tars.file(f"f{number}") for number in range(2100))),
    "a name of a megabyte": lambda: tars.tar(tars.file("a" * (1 << 20))),
    "a name longer than a path": lambda: tars.tar(tars.file("/".join(["deep" * 20] * 100))),
    "directories deeper than a path": lambda: _nested(2500),
    "a component that is too long": lambda: tars.tar(tars.file("b" * 300)),
}


@pytest.mark.parametrize("case", MANY)
def test_what_the_kernel_or_a_limit_refuses(tmp_path: Path, case: str) -> None:
    message = attempt(MANY[case](), tmp_path / "place", Whiteouts.OVERLAY)
    parent = os.open(tmp_path, os.O_RDONLY)
    remove_tree(b"place", parent)  # too deep for anybody else
    os.close(parent)
    assert "\n" not in message
    assert 0 < len(message) < 500


def test_a_bomb_stops_at_its_limit(tmp_path: Path) -> None:
    bomb = gzip.compress(tars.tar(tars.file("zeros", bytes(80 << 20))), mtime=0)
    with pytest.raises(AssertionError, match="more than"):
        raise AssertionError(attempt(bomb, tmp_path / "place", Whiteouts.OVERLAY))


def test_a_thousand_duplicates_leave_one_file(tmp_path: Path) -> None:
    content = tars.tar(*(tars.file("same", b"%d" % number) for number in range(1000)))
    assert attempt(content, tmp_path / "place", Whiteouts.OVERLAY) == ""
    assert (tmp_path / "place" / "root" / "same").read_bytes() == b"999"


def test_a_pax_header_cannot_name_what_overlayfs_obeys(tmp_path: Path) -> None:
    info = tarfile.TarInfo("file")
    info.pax_headers = {"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.user.fine": "yes"}
    assert attempt(tars.tar((info, b"x")), tmp_path / "place", Whiteouts.OVERLAY) == ""
    assert os.listxattr(tmp_path / "place" / "root" / "file") == ["user.fine"]


def test_invalid_is_what_a_caller_sees(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        tars.unpack(_header(b"f", size=b"\xff" * 12), tmp_path / "target")
