"""The third part of ``-v SOURCE:DESTINATION:MODE``: a comma-separated list, at most one word of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid
from corral.volume.idmap import is_idmap

__all__ = ["PROPAGATIONS", "Mode", "is_mode", "parse"]

PROPAGATIONS: Final = frozenset({"private", "rprivate", "slave", "rslave", "shared", "rshared"})
_KINDS: Final = {
    **dict.fromkeys(("ro", "rw"), "access"),
    **dict.fromkeys(("z", "Z"), "label"),
    **dict.fromkeys(PROPAGATIONS, "propagation"),
    **dict.fromkeys(("consistent", "cached", "delegated"), "consistency"),
    "nocopy": "copy",
}


@dataclass(frozen=True, slots=True)
class Mode:
    """Labels (z, Z) and consistency are accepted and mean nothing here. ``idmap``: the word, see `idmap`."""

    read_only: bool = False
    propagation: str = ""
    no_copy: bool = False
    idmap: str = ""


def is_mode(text: str) -> bool:
    """Whether ``text`` is a mode; the empty one is."""
    words = text.split(",") if text else []
    kinds = ["idmap" if is_idmap(word) else _KINDS.get(word) for word in words]
    return None not in kinds and len(set(kinds)) == len(kinds)


def parse(text: str) -> Mode:
    """Raises Invalid."""
    if not is_mode(text):
        raise Invalid(f"invalid mode: {text}")
    words = frozenset(text.split(","))
    mapped = next((word for word in words if is_idmap(word)), "")
    return Mode("ro" in words, next(iter(words & PROPAGATIONS), ""), "nocopy" in words, mapped)
