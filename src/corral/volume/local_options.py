"""Options of local volumes that are mounted: ``type``, ``device`` and ``o``, as mount(8) has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid
from corral.linux import mount as m

__all__ = ["MountOptions", "parse"]

_KNOWN: Final = ("type", "device", "o")
_FLAGS: Final[dict[str, tuple[bool, int]]] = {
    "ro": (True, m.MS_RDONLY),
    "rw": (False, m.MS_RDONLY),
    "nosuid": (True, m.MS_NOSUID),
    "suid": (False, m.MS_NOSUID),
    "nodev": (True, m.MS_NODEV),
    "dev": (False, m.MS_NODEV),
    "noexec": (True, m.MS_NOEXEC),
    "exec": (False, m.MS_NOEXEC),
    "noatime": (True, m.MS_NOATIME),
    "atime": (False, m.MS_NOATIME),
    "relatime": (True, m.MS_RELATIME),
    "nodiratime": (True, m.MS_NODIRATIME),
    "sync": (True, m.MS_SYNCHRONOUS),
    "async": (False, m.MS_SYNCHRONOUS),
    "bind": (True, m.MS_BIND),
    "rbind": (True, m.MS_BIND | m.MS_REC),
}
"""Word -> (sets, flag)."""


@dataclass(frozen=True, slots=True)
class MountOptions:
    """Arguments of mount(2)."""

    device: str
    type: str
    flags: int
    data: str


def parse(options: Mapping[str, str]) -> MountOptions | None:
    """None for a plain directory. Raises Invalid with Docker's wording."""
    for name in options:
        if name not in _KNOWN:
            raise Invalid(f'invalid option: "{name}"')
    if not options:
        return None
    for name in ("type", "device"):
        if not options.get(name):
            raise Invalid(f'missing required option: "{name}"')
    flags, data = 0, []
    for word in (options.get("o") or "").split(","):
        if word in _FLAGS:
            sets, flag = _FLAGS[word]
            flags = flags | flag if sets else flags & ~flag
        elif word not in ("", "defaults"):
            data.append(word)
    return MountOptions(options["device"], options["type"], flags, ",".join(data))
