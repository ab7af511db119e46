"""subuid(5) and subgid(5): which ranges of ids belong to whom. Pure but for ``read``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from corral.errors import Invalid
from corral.oci.runtime import IDMapping

__all__ = ["SUBGID", "SUBUID", "SubRange", "mappings", "parse", "ranges_of", "read"]

SUBUID: Final = Path("/etc/subuid")
SUBGID: Final = Path("/etc/subgid")
_FIELDS: Final = 3


@dataclass(frozen=True, slots=True)
class SubRange:
    """``owner``: a name or a number."""

    owner: str
    start: int
    count: int

    @property
    def end(self) -> int:
        """The first id behind it."""
        return self.start + self.count


def parse(text: str, path: Path) -> tuple[SubRange, ...]:
    """Raises Invalid for a line that is none. ``path`` is for the message."""
    found = []
    for line in text.splitlines():
        fields = line.strip().split(":")
        if fields == [""] or fields[0].startswith("#"):
            continue
        if len(fields) != _FIELDS or not fields[1].isdecimal() or not fields[2].isdecimal():
            raise Invalid(f"cannot parse subuid/gid information. Format not correct for {path} file")
        found.append(SubRange(fields[0], int(fields[1]), int(fields[2])))
    return tuple(found)


def read(path: Path) -> tuple[SubRange, ...]:
    """Empty when there is no such file. Raises Invalid."""
    try:
        return parse(path.read_text(), path)
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"open {path}: {error}") from error


def ranges_of(ranges: Iterable[SubRange], name: str, number: int | None) -> tuple[SubRange, ...]:
    """A user's, by name and by number."""
    owners = {name, *(() if number is None else (str(number),))}
    return tuple(one for one in ranges if one.owner in owners and one.count > 0)


def mappings(ranges: Iterable[SubRange]) -> tuple[IDMapping, ...]:
    """The ids inside begin with 0 and go through the ranges without a gap."""
    result = []
    inside = 0
    for one in ranges:
        result.append(IDMapping(inside, one.start, one.count))
        inside += one.count
    return tuple(result)
