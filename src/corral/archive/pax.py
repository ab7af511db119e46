"""PAX extended headers: ``LENGTH KEY=VALUE\\n`` records, read and written, on bytes.

Source: POSIX.1-2017 pax, "pax Extended Header"; the ``SCHILY.xattr.`` keys are star's, the ``GNU.sparse.`` ones GNU's.
"""

from __future__ import annotations

from typing import Final

from corral.archive.entry import Entry
from corral.errors import Invalid

XATTR: Final = b"SCHILY.xattr."
_NANO: Final = 1_000_000_000

Records = list[tuple[bytes, bytes]]
"""In order, with repetitions: GNU's sparse format 0.0 repeats its keys."""


def decode(data: bytes) -> Records:
    """Raises Invalid for malformed records."""
    records: Records = []
    position = 0
    end = len(data)
    while position < end:
        space = data.find(b" ", position, position + 20)
        try:
            stop = position + int(data[position:space])
        except ValueError:
            raise Invalid("invalid tar header: bad extended record") from None
        equals = data.find(b"=", space, stop)
        if space < 0 or equals < 0 or not space < stop <= end or data[stop - 1] != 0x0A:
            raise Invalid("invalid tar header: bad extended record")
        records.append((data[space + 1 : equals], data[equals + 1 : stop - 1]))
        position = stop
    return records


def encode(records: Records) -> bytes:
    return b"".join(_record(key, value) for key, value in records)


def _record(key: bytes, value: bytes) -> bytes:
    body = len(key) + len(value) + 3
    length = body + len(str(body))
    if len(str(length)) > len(str(body)):
        length += 1
    return b"%d %s=%s\n" % (length, key, value)


def apply(records: Records, entry: Entry) -> None:
    """Overrides the entry's fields; an empty value means "as the plain header says". Raises Invalid."""
    for key, value in records:
        if key.startswith(XATTR):
            entry.xattrs[key[len(XATTR) :]] = value
        elif not value:
            continue
        elif key == b"path":
            entry.name = _name(value)
        elif key == b"linkpath":
            entry.linkname = _name(value)
        elif key == b"mtime":
            entry.mtime = decode_time(value)
        elif key == b"size":
            entry.size = entry.real_size = _integer(value)
        elif key == b"uid":
            entry.uid = _integer(value)
        elif key == b"gid":
            entry.gid = _integer(value)


def _name(value: bytes) -> bytes:
    if b"\0" in value:
        raise Invalid("invalid tar header: a name contains a zero byte")
    return value


def _integer(value: bytes) -> int:
    if not value.isdigit() or len(value) > 20:
        raise Invalid("invalid tar header: bad number in an extended record")
    return int(value)


def decode_time(value: bytes) -> int:
    """Nanoseconds of decimal seconds, which may be negative; digits past the ninth are dropped. Raises Invalid."""
    sign = -1 if value.startswith(b"-") else 1
    seconds, _, fraction = value.lstrip(b"-").partition(b".")
    if not (seconds + fraction).isdigit() or len(value) > 64:
        raise Invalid("invalid tar header: bad time in an extended record")
    return sign * (int(seconds or b"0") * _NANO + int(fraction[:9].ljust(9, b"0")))


def encode_time(nanoseconds: int) -> bytes:
    seconds, fraction = divmod(abs(nanoseconds), _NANO)
    sign = b"-" if nanoseconds < 0 else b""
    return b"%s%d" % (sign, seconds) + (b".%09d" % fraction).rstrip(b"0") if fraction else b"%s%d" % (sign, seconds)
