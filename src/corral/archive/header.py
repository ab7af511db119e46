"""The 512-byte tar header: v7, POSIX ustar, GNU and star, read and written.

Source: POSIX.1-2017 pax (ustar interchange format); GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from corral.archive.entry import REGULAR, Entry
from corral.errors import Invalid

BLOCK: Final = 512
ZERO_BLOCK: Final = bytes(BLOCK)

_FIELDS: Final = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_POSIX: Final = b"ustar\x0000"
_STAR_TRAILER: Final = b"tar\0"
_CHECKSUM: Final = slice(148, 156)
_BLANK_CHECKSUM: Final = 8 * 0x20
_BLANKS: Final = b" " * 8
_ADLER: Final = 65521


def padding(size: int) -> int:
    """Bytes that follow ``size`` bytes of payload up to the next block."""
    return -size % BLOCK


def decode(block: bytes) -> Entry:
    """The entry of one header block, before extended headers. Raises Invalid when it is no tar header."""
    name, mode, uid, gid, size, mtime, checksum, kind, link, magic, _, _, major, minor, prefix = _FIELDS.unpack(block)
    if not _matches(block, number(checksum)) and not _signed_match(block, checksum):
        raise Invalid("invalid tar header")
    entry = Entry(name.partition(b"\0")[0], REGULAR if kind == b"\0" else kind)
    if magic == _POSIX:
        if block[508:512] == _STAR_TRAILER:
            prefix = prefix[:131]
        if prefix[0]:
            entry.name = prefix.partition(b"\0")[0] + b"/" + entry.name
    entry.linkname = link.partition(b"\0")[0]
    entry.mode = number(mode) & 0o7777
    entry.uid = number(uid)
    entry.gid = number(gid)
    entry.size = entry.real_size = number(size)
    entry.mtime = number(mtime) * 1_000_000_000
    if entry.size < 0:
        raise Invalid("invalid tar header: negative size")
    if kind in b"34":
        entry.major = number(major)
        entry.minor = number(minor)
    return entry


def number(field: bytes) -> int:
    """Octal text, or two's complement base 256 when the first bit is set. Raises Invalid."""
    try:
        return int(field.rstrip(b"\0") or b"0", 8)  # the common case: digits, closed by a zero, a blank or nothing
    except ValueError:
        pass
    if field[0] & 0x80:
        value = int.from_bytes(field, "big")
        bits = 8 * len(field)
        # 0x80 marks a positive number, 0xff a negative one
        return value - (1 << bits) if field[0] & 0x40 else value & ((1 << (bits - 1)) - 1)
    text = field.partition(b"\0")[0].strip(b" ")
    if not text:
        return 0
    try:
        return int(text, 8)
    except ValueError:
        raise Invalid("invalid tar header: bad number") from None


def _matches(block: bytes, checksum: int) -> bool:
    """Whether it is the sum of all bytes, those of the checksum itself counted as blanks.

    Adler-32 sums bytes as well, in C, modulo 65521: the few sums that it takes for equal are compared once more.
    """
    blank = zlib.adler32(block[156:], zlib.adler32(_BLANKS, zlib.adler32(block[:148]))) & 0xFFFF
    if blank != (checksum + 1) % _ADLER:
        return False
    return checksum < _ADLER or checksum == sum(block) - sum(block[_CHECKSUM]) + _BLANK_CHECKSUM


def _signed_match(block: bytes, checksum: bytes) -> bool:
    """Some old writers summed signed characters."""
    signed = sum(b - 256 if b > 127 else b for b in block[:148] + b" " * 8 + block[156:])
    return number(checksum) == signed


def encode(entry: Entry) -> bytes:
    """The ustar header of an entry whose values fit: see `fits_name` and `fits_number`."""
    name, prefix = _split(entry.name)
    block = bytearray(
        _FIELDS.pack(
            name,
            b"%07o\0" % entry.mode,
            b"%07o\0" % entry.uid,
            b"%07o\0" % entry.gid,
            b"%011o\0" % entry.size,
            b"%011o\0" % (entry.mtime // 1_000_000_000),
            b" " * 8,
            entry.kind,
            entry.linkname,
            _POSIX,
            b"",
            b"",
            b"%07o\0" % entry.major,
            b"%07o\0" % entry.minor,
            prefix,
        )
    )
    block += bytes(BLOCK - len(block))
    block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return bytes(block)


def fits_name(name: bytes) -> bool:
    """Whether `encode` can hold the whole name, which may need a slash to break at."""
    return len(name) <= 100 or _break(name) is not None


def fits_number(value: int, width: int = 8) -> bool:
    """Whether a field of ``width`` bytes holds ``value`` in octal."""
    return value >= 0 and value.bit_length() <= 3 * (width - 1)


def _split(name: bytes) -> tuple[bytes, bytes]:
    if len(name) <= 100:
        return name, b""
    at = _break(name)
    return (name[:100], b"") if at is None else (name[at + 1 :], name[:at])


def _break(name: bytes) -> int | None:
    at = name.rfind(b"/", 0, min(156, len(name) - 1))
    return at if at > 0 and len(name) - at - 1 <= 100 else None
