"""``userns-remap``: the maps of all containers that do not ask for something else."""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from corral.engine.userns import subids
from corral.engine.userns.subids import SubRange
from corral.errors import Invalid
from corral.oci.idmaps import IDMaps

__all__ = ["DEFAULT_USER", "Identity", "identify", "maps_of", "resolve"]

DEFAULT_USER: Final = "corralremap"
_FIRST: Final = 100_000
_SIZE: Final = 65_536
_LAST: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose ranges are used. ``uid``, ``gid``: None for names that need not be in passwd."""

    user: str
    group: str
    uid: int | None = None
    gid: int | None = None


def resolve(setting: str) -> IDMaps | None:
    """``setting``: "" (off), "default", USER, USER:GROUP, UID, UID:GID. None when ids are not mapped.

    Raises Invalid with Docker's words. "default" gives ``DEFAULT_USER`` ranges of its own in /etc/subuid and
    /etc/subgid when it has none: 65,536 ids behind all that are taken.
    """
    if not setting:
        return None
    if setting == "default":
        for path in (subids.SUBUID, subids.SUBGID):
            _reserve(path)
        who = Identity(DEFAULT_USER, DEFAULT_USER)
    else:
        who = identify(setting)
    if who.user == "root":  # mapped to itself
        return None
    return maps_of(who, subids.read(subids.SUBUID), subids.read(subids.SUBGID))


def identify(
    setting: str,
    user: Callable[[str], tuple[str, int]] | None = None,
    group: Callable[[str], tuple[str, int]] | None = None,
) -> Identity:
    """``user`` and ``group``: name or number -> (name, number). Raises Invalid."""
    parts = setting.split(":")
    if len(parts) > 2 or not parts[0]:
        raise Invalid(f'invalid user/group specification in --userns-remap: "{setting}"')
    name, uid = (user or _find_user)(parts[0])
    if len(parts) == 2:
        group_name, gid = (group or _find_group)(parts[1])
    elif parts[0].isdecimal():
        # Docker takes the group of the same number.
        group_name, gid = (group or _find_group)(parts[0])
    else:
        group_name, gid = (group or _find_group)(name)
    return Identity(name, group_name, uid, gid)


def _find_user(word: str) -> tuple[str, int]:
    try:
        entry = pwd.getpwuid(int(word)) if word.isdecimal() else pwd.getpwnam(word)
    except KeyError:
        trouble = "no matching entries in passwd file"
        if word.isdecimal():
            raise Invalid(f"Uid {word} has no entry in /etc/passwd: {trouble}") from None
        raise Invalid(f'Error during uid lookup for "{word}": {trouble}') from None
    return entry.pw_name, entry.pw_uid


def _find_group(word: str) -> tuple[str, int]:
    try:
        entry = grp.getgrgid(int(word)) if word.isdecimal() else grp.getgrnam(word)
    except KeyError:
        trouble = "no matching entries in group file"
        if word.isdecimal():
            raise Invalid(f"Gid {word} has no entry in /etc/group: {trouble}") from None
        raise Invalid(f'Error during gid lookup for "{word}": {trouble}') from None
    return entry.gr_name, entry.gr_gid


def maps_of(who: Identity, uids: Iterable[SubRange], gids: Iterable[SubRange]) -> IDMaps:
    """Raises Invalid when there are no ranges."""
    own_uids = subids.ranges_of(uids, who.user, who.uid)
    own_gids = subids.ranges_of(gids, who.group, who.gid)
    if not own_uids:
        raise Invalid(f'Can\'t create ID mappings: no subuid ranges found for user "{who.user}"')
    if not own_gids:
        raise Invalid(f'Can\'t create ID mappings: no subgid ranges found for group "{who.group}"')
    return IDMaps.of(subids.mappings(own_uids), subids.mappings(own_gids))


def _reserve(path: Path) -> None:
    """A range for ``DEFAULT_USER`` in ``path``, unless it has one. Raises Invalid."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        with open(fd, "r+") as file:
            fcntl.flock(fd, fcntl.LOCK_EX)
            text = file.read()
            taken = subids.parse(text, path)
            if subids.ranges_of(taken, DEFAULT_USER, None):
                return
            start = max([_FIRST, *(one.end for one in taken if one.end < _LAST - _SIZE)])
            gap = "\n" if text and not text.endswith("\n") else ""
            file.write(f"{gap}{DEFAULT_USER}:{start}:{_SIZE}\n")
    except OSError as error:
        trouble = f"{path}: {error.strerror}"
        raise Invalid(f'couldn\'t create subordinate ID ranges for "{DEFAULT_USER}": {trouble}') from error
