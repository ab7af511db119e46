"""Options of a tmpfs: Docker's defaults, and the words that a user may add."""

from __future__ import annotations

import re
from typing import Final

from corral.errors import Invalid

__all__ = ["merge", "parse"]

_DEFAULTS: Final = ("noexec", "nosuid", "nodev", "rprivate")

_FLAGS: Final = {
    **dict.fromkeys(("ro", "rw"), "ro"),
    **{word: name.removeprefix("no") for name in ("noexec", "nosuid", "nodev") for word in (name, name[2:])},
    **dict.fromkeys(("sync", "async"), "sync"),
    **dict.fromkeys(("atime", "noatime", "relatime", "norelatime", "strictatime", "nostrictatime"), "atime"),
    **dict.fromkeys(("diratime", "nodiratime"), "diratime"),
    **dict.fromkeys(("dirsync", "mand", "nomand"), "other"),
    **{word: "propagation" for name in ("private", "slave", "shared", "unbindable") for word in (name, f"r{name}")},
    **dict.fromkeys(("defaults", "remount", "bind", "rbind"), "ignored"),
}
"""Word -> what it decides: of two that decide the same, the last one counts."""

_SIZED: Final = re.compile(r"(size|nr_blocks|nr_inodes)=\d+[kKmMgG%]?")
_PLAIN: Final = re.compile(r"(mode=[0-7]+|uid=\d+|gid=\d+|mpol=[\w:,=-]+|huge=\w+)")


def parse(text: str) -> tuple[str, ...]:
    """The words of a comma-separated list. Raises Invalid for one that tmpfs does not have."""
    words = tuple(word for word in text.split(",") if word)
    for word in words:
        if word not in _FLAGS and not _SIZED.fullmatch(word) and not _PLAIN.fullmatch(word):
            raise Invalid(f'invalid tmpfs option "{word}"')
    return words


def merge(words: tuple[str, ...]) -> tuple[str, ...]:
    """The complete options: the defaults, then the user's words, each decision once."""
    decided: dict[str, str] = {}
    for word in (*_DEFAULTS, *words):
        kind = _FLAGS.get(word) or word.partition("=")[0]
        if kind != "ignored":
            decided.pop(kind, None)
            decided[kind] = word
    return tuple(decided.values())
