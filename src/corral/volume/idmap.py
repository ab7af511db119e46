"""``idmap`` of a bind or a volume, in Podman's words.

``idmap``: with the container's own maps; ``idmap=uids=0-1-10#10-11-10;gids=0-100-10``: from what is on the disk, to
what is on the host, how many; ``@0-1-10``: to what is in the container. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from corral.errors import Invalid
from corral.oci.idmaps import IDMaps
from corral.oci.runtime import IDMapping

__all__ = ["WORD", "check", "is_idmap", "maps_of"]

WORD: Final = "idmap"
_RANGE: Final = re.compile(r"(@?)(\d+)-(\d+)-(\d+)")


def is_idmap(word: str) -> bool:
    return word == WORD or word.startswith(f"{WORD}=")


def check(text: str) -> str:
    """``text`` as it is. Raises Invalid."""
    _parse(text)
    return text


def maps_of(text: str, container: IDMaps | None) -> IDMaps:
    """Raises Invalid: for what is malformed, and when the container's maps are asked for and it has none."""
    uids, gids = _parse(text)
    if (not uids or not gids) and container is None:
        raise Invalid("idmap: the container has no user namespace of its own, so it must say both uids= and gids=")
    if container is None:
        if any(relative for relative, _ in (*uids, *gids)):
            raise Invalid("idmap: the container has no user namespace of its own that @ could refer to")
        return IDMaps.of([one for _, one in uids], [one for _, one in gids])
    return IDMaps.of(
        [replace(one, host_id=container.host_uid(one.host_id)) if relative else one for relative, one in uids]
        or container.uids,
        [replace(one, host_id=container.host_gid(one.host_id)) if relative else one for relative, one in gids]
        or container.gids,
    )


_Ranges = list[tuple[bool, IDMapping]]


def _parse(text: str) -> tuple[_Ranges, _Ranges]:
    found: dict[str, _Ranges] = {"uids": [], "gids": []}
    _, _, rest = text.partition("=")
    for part in rest.split(";") if rest else ():
        name, _, value = part.partition("=")
        if name not in found:
            raise Invalid(f"invalid idmap: {text}")
        for word in value.split("#"):
            match = _RANGE.fullmatch(word)
            if match is None:
                raise Invalid(f"invalid idmap: {text}: FROM-TO-SIZE expected, not {word}")
            first, host, size = map(int, match.group(2, 3, 4))
            found[name].append((match[1] == "@", IDMapping(first, host, size)))
    return found["uids"], found["gids"]
