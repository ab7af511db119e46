"""GNU's four ways to write a file with holes: the old header, and PAX formats 0.0, 0.1 and 1.0.

All end in the same data: the file's real size and the regions that the payload fills, in order.
Source: GNU tar manual, "Storing Sparse Files".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from corral.archive import header
from corral.archive.entry import Entry, Region
from corral.archive.pax import Records
from corral.errors import Invalid

_MAP_MAXIMUM: Final = 1 << 22  # bytes of a 1.0 map
_DIGITS_MAXIMUM: Final = 20

Take = Callable[[int], bytes]


def old_gnu(block: bytes, entry: Entry, take: Take) -> bytes:
    """Typeflag S: four regions in the header, then blocks of twenty-one. Returns the blocks that were taken."""
    entry.real_size = header.number(block[483:495])
    regions = _octal_regions(block, 386, 4)
    extra = b""
    more = block[482]
    while more:
        extension = take(header.BLOCK)
        extra += extension
        if len(extra) > _MAP_MAXIMUM:
            raise Invalid("invalid tar header: sparse map too long")
        regions += _octal_regions(extension, 0, 21)
        more = extension[504]
    _set(entry, regions, entry.size)
    return extra


def _octal_regions(block: bytes, start: int, count: int) -> list[Region]:
    regions: list[Region] = []
    for at in range(start, start + 24 * count, 24):
        if block[at] == 0:
            break
        regions.append((header.number(block[at : at + 12]), header.number(block[at + 12 : at + 24])))
    return regions


def from_pax(records: Records, entry: Entry, take: Take) -> bytes:
    """Applies ``GNU.sparse.*`` records. Returns what format 1.0 took of the payload: its map, padded to blocks."""
    values = {key[11:]: value for key, value in records if key.startswith(b"GNU.sparse.")}
    if not values:
        return b""
    if name := values.get(b"name"):
        if b"\0" in name:
            raise Invalid("invalid tar header: a name contains a zero byte")
        entry.name = name
    if values.get(b"major") == b"1" and values.get(b"minor") == b"0":
        taken, regions = _map_in_payload(entry.size, take)
        entry.real_size = _integer(values.get(b"realsize", b""))
        entry.size -= len(taken)
        _set(entry, regions, entry.size)
        return taken
    if b"map" in values:
        numbers = [_integer(part) for part in values[b"map"].split(b",")] if values[b"map"] else []
    else:
        numbers = [_integer(value) for key, value in records if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes")]
    if not numbers and b"size" not in values:
        return b""
    if len(numbers) % 2:
        raise Invalid("invalid tar header: odd sparse map")
    entry.real_size = _integer(values.get(b"size") or values.get(b"realsize") or b"")
    _set(entry, list(zip(numbers[::2], numbers[1::2], strict=True)), entry.size)
    return b""


def _map_in_payload(size: int, take: Take) -> tuple[bytes, list[Region]]:
    taken = b""

    def lines(count: int) -> list[bytes]:
        nonlocal taken
        while taken.count(b"\n") < count:
            if len(taken) + header.BLOCK > min(size, _MAP_MAXIMUM):
                raise Invalid("invalid tar header: bad sparse map")
            taken += take(header.BLOCK)
        return taken.split(b"\n", count)[:count]

    count = _integer(lines(1)[0])
    if count > _MAP_MAXIMUM:
        raise Invalid("invalid tar header: sparse map too long")
    numbers = [_integer(line) for line in lines(1 + 2 * count)[1:]]
    return taken, list(zip(numbers[::2], numbers[1::2], strict=True))


def _integer(text: bytes) -> int:
    if not text.isdigit() or len(text) > _DIGITS_MAXIMUM:
        raise Invalid("invalid tar header: bad number in a sparse map")
    return int(text)


def _set(entry: Entry, regions: list[Region], payload: int) -> None:
    """Regions must be in order, within the file, and add up to the payload."""
    position = total = 0
    for offset, length in regions:
        if offset < position or length < 0 or offset + length > entry.real_size:
            raise Invalid("invalid tar header: bad sparse map")
        position = offset + length
        total += length
    if total != payload or entry.real_size >= 1 << 63:
        raise Invalid("invalid tar header: sparse map does not match the data")
    entry.regions = [region for region in regions if region[1]]


def encode_map(regions: list[Region], real_size: int) -> bytes:
    """The map of format 1.0, padded. A hole at the end is closed by an empty region, without which GNU tar drops it."""
    if not regions or sum(regions[-1]) < real_size:
        regions = [*regions, (real_size, 0)]
    numbers = [len(regions), *(value for region in regions for value in region)]
    text = b"".join(b"%d\n" % value for value in numbers)
    return text + bytes(header.padding(len(text)))
