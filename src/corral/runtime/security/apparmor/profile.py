"""The default profile: what capabilities and namespaces leave open is closed once more.

In effect Docker's ``docker-default``: files, networks, capabilities and unmounting as before; no mounting; of /proc
only what belongs to processes and to the container's own IPC is writable, of /sys only the cgroups, whatever the
mounts say and whatever capabilities there are; signals and ptrace among the container's own processes only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["NAME", "all_but", "profile_text"]

NAME: Final = "corral-default"

_DIGITS: Final = "0-9"
_OWN_SYSCTLS: Final = ("shm", "msg", "sem")
"""Below /proc/sys/kernel: they are the IPC namespace's."""

_UNTOUCHABLE: Final = (
    "/proc/sysrq-trigger",
    "/proc/kcore",
    "/sys/firmware/**",
    "/sys/devices/virtual/powercap/**",
    "/sys/kernel/security/**",
)
"""Not even to be read: they tell of the host, or act on it."""


def profile_text(name: str, daemon: str, *, abi: str = "", known_families: Iterable[str] = ("alg",)) -> str:
    """In AppArmor's language. ``daemon``: the profile of the engine, whose signals are let in ("unconfined").

    ``abi``: of the policy's features, as in ``/etc/apparmor.d/abi``; with none the parser takes its own.
    """
    senders = dict.fromkeys(("unconfined", daemon, "runc", "crun"))
    rules = [
        "network",
        *(f"deny network {family}" for family in known_families),
        "capability",
        "file",
        "umount",
        "deny mount",
        *(f'signal (receive) peer="{sender}"' for sender in senders),
        f'signal (send, receive) peer="{name}"',
        f'ptrace (trace, tracedby, read, readby) peer="{name}"',
        "deny /proc/* w",
        *(f"deny /proc/{pattern}/** w" for pattern in all_but(("sys",), also=_DIGITS, within="*")),
        *(f"deny /proc/sys/{pattern} w" for pattern in all_but(("kernel/",))),
        *(f"deny /proc/sys/kernel/{pattern} w" for pattern in all_but(_OWN_SYSCTLS)),
        *(f"deny /sys/{pattern} wklx" for pattern in all_but(("fs/cgroup",))),
        *(f"deny {path} rwklx" for path in _UNTOUCHABLE),
    ]
    head = [f"abi <{abi}>,", ""] if abi else []
    # Paths from other mount namespaces count as if they began at the root; deleted files as what they were.
    head.append(f'profile "{name}" flags=(attach_disconnected,mediate_deleted) {{')
    return "\n".join([*head, *(f"  {rule}," for rule in rules), "}", ""])


def all_but(names: Iterable[str], *, also: str = "", within: str = "**") -> list[str]:
    """Globs that together match every path that does not begin with one of ``names``.

    ``also``: characters, as in brackets, that a path may begin with as well; ``within``: the glob for the rest. The
    language has alternatives and character classes but no "not", so each glob deviates from the names at one place.
    """
    rest = {name for name in names if name}
    firsts = sorted({name[0] for name in rest})
    found = [f"[^{also}{''.join(firsts)}]{within}"]
    for first in firsts:
        tails = {name[1:] for name in rest if name[0] == first}
        if "" not in tails:
            found += [first + pattern for pattern in all_but(tails, within=within)]
    return found
