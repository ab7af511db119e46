"""``--userns``: "" (the daemon's), host, auto[:size=N], keep-id[:uid=N,gid=N,hostuid=N,hostgid=N]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid

__all__ = ["DEFAULT_SIZE", "Auto", "KeepID", "parse"]

DEFAULT_SIZE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Auto:
    """A range of ``size`` ids that no other container has."""

    size: int = DEFAULT_SIZE


@dataclass(frozen=True, slots=True)
class KeepID:
    """``host_uid`` and ``host_gid`` of the host are ``uid`` and ``gid`` inside; all others are as with ``Auto``."""

    uid: int
    gid: int
    host_uid: int
    host_gid: int


def parse(text: str) -> Auto | KeepID | None:
    """None for "" and "host". Raises Invalid."""
    word, _, rest = text.partition(":")
    if text in ("", "host"):
        return None
    options = _options(text, rest)
    if word == "auto":
        size = options.pop("size", DEFAULT_SIZE)
        if size < 1:
            raise Invalid(f"invalid user namespace mode: {text}")
        mode: Auto | KeepID = Auto(size)
    elif word == "keep-id":
        if not {"uid", "gid"} <= options.keys():
            raise Invalid(f"invalid user namespace mode: {text}: uid= and gid= say whose ids are kept")
        uid, gid = options.pop("uid"), options.pop("gid")
        mode = KeepID(uid, gid, options.pop("hostuid", uid), options.pop("hostgid", gid))
        if mode.host_uid == 0 or mode.host_gid == 0:
            raise Invalid("keep-id would make the host's root a user of the container: use auto, or name another user")
    else:
        raise Invalid(f"invalid user namespace mode: {text}")
    if options:
        raise Invalid(f'invalid user namespace mode: {text}: unknown option "{next(iter(options))}"')
    return mode


def _options(text: str, rest: str) -> dict[str, int]:
    options = {}
    for word in rest.split(",") if rest else ():
        name, _, value = word.partition("=")
        if not value.isdecimal():
            raise Invalid(f"invalid user namespace mode: {text}")
        options[name] = int(value)
    return options
