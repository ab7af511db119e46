"""Headers of new archives: POSIX ustar, and a PAX extended header for what does not fit there.

Names stay the bytes that they are. Sparse files are written in GNU's PAX format 1.0, which GNU tar, Go, libarchive and
Python read. `encode` gives all blocks before the payload; after it the caller writes ``padding(entry.size)`` zeros, and
`END` at the very end.
"""

from __future__ import annotations

from typing import Final

from corral.archive import header, pax, sparse
from corral.archive.entry import Entry

END: Final = 2 * header.ZERO_BLOCK
_NANO: Final = 1_000_000_000
_PAX_KIND: Final = b"x"
_NAME_MAXIMUM: Final = 100


def encode(entry: Entry) -> bytes:
    """Header blocks of an entry; for a sparse one (``regions``) the map as well, which counts as payload there."""
    records: pax.Records = []
    plain = Entry(entry.name, entry.kind, mode=entry.mode, size=entry.size)
    plain.linkname, plain.major, plain.minor = entry.linkname, entry.major, entry.minor
    plain.uid, plain.gid, plain.mtime = entry.uid, entry.gid, entry.mtime
    trailer = b""
    if entry.regions is not None:
        trailer = sparse.encode_map(entry.regions, entry.real_size)
        plain.size = entry.size + len(trailer)
        records += [
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.name", entry.name),
            (b"GNU.sparse.realsize", b"%d" % entry.real_size),
        ]
        plain.name = _inside(b"GNUSparseFile.0", entry.name)
    elif not header.fits_name(entry.name):
        records.append((b"path", entry.name))
        plain.name = entry.name[:_NAME_MAXIMUM]
    if len(entry.linkname) > _NAME_MAXIMUM:
        records.append((b"linkpath", entry.linkname))
        plain.linkname = entry.linkname[:_NAME_MAXIMUM]
    if not header.fits_number(entry.uid):
        records.append((b"uid", b"%d" % entry.uid))
        plain.uid = 0
    if not header.fits_number(entry.gid):
        records.append((b"gid", b"%d" % entry.gid))
        plain.gid = 0
    if not header.fits_number(plain.size, 12):
        records.append((b"size", b"%d" % plain.size))
        plain.size = 0
    if entry.mtime % _NANO or not header.fits_number(entry.mtime // _NANO, 12):
        records.append((b"mtime", pax.encode_time(entry.mtime)))
        if not header.fits_number(entry.mtime // _NANO, 12):
            plain.mtime = 0
    records += [(pax.XATTR + name, value) for name, value in sorted(entry.xattrs.items())]
    block = header.encode(plain) + trailer
    return _extended(entry.name, records) + block if records else block


def _extended(name: bytes, records: pax.Records) -> bytes:
    if any(not _is_text(value) for key, value in records if key in (b"path", b"linkpath", b"GNU.sparse.name")):
        records = [(b"hdrcharset", b"BINARY"), *records]
    data = pax.encode(records)
    carrier = Entry(_inside(b"PaxHeaders.0", name), _PAX_KIND, mode=0o644, size=len(data))
    return header.encode(carrier) + data + bytes(header.padding(len(data)))


def _inside(directory: bytes, name: bytes) -> bytes:
    """A name for old programs that do not know the extension: the last component, cut to fit."""
    base = name.rstrip(b"/").rpartition(b"/")[2]
    return (directory + b"/" + base)[:_NAME_MAXIMUM]


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
