"""Who the process is: names resolved in the container's own /etc/passwd and /etc/group, with Docker's rules and words.

``resolve`` is pure. The files are the image's: they are read without following them out of the root, not beyond a
limit, only if they are regular files, and never through the C library, whose name service would load the image's
libraries (CVE-2019-14271).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from corral.oci.runtime import Process
from corral.runtime.init.failure import SetupError
from corral.runtime.init.inside import Root

__all__ = ["Identity", "check", "identify", "resolve"]

_LIMIT: Final = 16 << 20
_MAX_ID: Final = (1 << 31) - 1
_RANGE: Final = "uids and gids must be in range 0-2147483647"


@dataclass(frozen=True, slots=True)
class Identity:
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


@dataclass(frozen=True, slots=True)
class _User:
    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    gid: int
    members: tuple[str, ...]


def identify(root: Root, process: Process) -> Identity:
    """Raises SetupError with Docker's words for names that are not there."""
    user = process.user
    if not user.username and not process.additional_groups and (user.uid or user.gid or user.additional_gids):
        passwd = _read(root, "etc/passwd")
        home = next((entry.home for entry in _users(passwd) if entry.uid == user.uid), "/")
        return Identity(user.uid, user.gid, user.additional_gids, home or "/")
    return resolve(user.username, process.additional_groups, _read(root, "etc/passwd"), _read(root, "etc/group"))


def check(pid: int, spec: str) -> None:
    """Whether ``spec`` can be resolved in the root of process ``pid``, a container's. Nothing is said of one that has
    ended. Raises SetupError."""
    try:
        root = Root(os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError:
        return
    try:
        resolve(spec, (), _read(root, "etc/passwd"), _read(root, "etc/group"))
    finally:
        os.close(root.fd)


def resolve(spec: str, additional: Iterable[str], passwd: str, group: str) -> Identity:
    """``spec``: "", "name", "uid", "name:group", "uid:gid" and so on; the texts are the two files'.

    A number that no entry has is taken as it is. Without a group in ``spec`` the supplementary groups are those that
    list the user; the primary group is always among them (CVE-2022-36109). Raises SetupError.
    """
    user_word, _, group_word = spec.partition(":")
    number = _number(user_word)
    wanted = 0 if not user_word else number
    found = next(
        (u for u in _users(passwd) if (u.uid == wanted if not user_word else u.name == user_word or u.uid == wanted)),
        None,
    )
    if found is not None:
        uid, gid, home, name = found.uid, found.gid, found.home or "/", found.name
    elif user_word and number is None:
        raise SetupError(f"unable to find user {user_word}: no matching entries in passwd file", early=True)
    else:
        uid, gid, home, name = _in_range(number or 0), 0, "/", ""
    groups: list[int] = []
    if group_word:
        gid = _group_id(group_word, group)
    elif name:
        groups = [g.gid for g in _groups(group) if name in g.members]
    groups += [_group_id(word, group) for word in additional]
    return Identity(uid, gid, tuple(dict.fromkeys([gid, *groups])), home)


def _group_id(word: str, group: str) -> int:
    number = _number(word)
    for entry in _groups(group):
        if entry.name == word or entry.gid == number:
            return entry.gid
    if number is None:
        raise SetupError(f"unable to find group {word}: no matching entries in group file", early=True)
    return _in_range(number)


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.lstrip("-").isdigit() and word.count("-") <= 1 else None


def _in_range(number: int) -> int:
    if not 0 <= number <= _MAX_ID:
        raise SetupError(_RANGE)
    return number


def _users(passwd: str) -> Iterator[_User]:
    for fields in _lines(passwd):
        if len(fields) >= 4 and fields[2].isdigit() and fields[3].isdigit():
            yield _User(fields[0], int(fields[2]), int(fields[3]), fields[5] if len(fields) > 5 else "")


def _groups(group: str) -> Iterator[_Group]:
    for fields in _lines(group):
        if len(fields) >= 3 and fields[2].isdigit():
            members = fields[3] if len(fields) > 3 else ""
            yield _Group(fields[0], int(fields[2]), tuple(m for m in members.split(",") if m))


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield stripped.split(":")


def _read(root: Root, path: str) -> str:
    """Empty when there is no such regular file."""
    try:
        fd = root.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return ""
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return ""
        return os.read(fd, min(status.st_size, _LIMIT)).decode(errors="surrogateescape")
    except OSError:
        return ""
    finally:
        os.close(fd)
