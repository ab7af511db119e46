"""keyctl(2): session keyrings: leaving that of whoever started us, for a new one or for one by name."""

from __future__ import annotations

from typing import Final

from corral.linux import libc

KEYCTL_JOIN_SESSION_KEYRING: Final = 1
KEYCTL_SETPERM: Final = 5

# key(7): what a new keyring's owner may do, and its possessor, who has it in a keyring of its own.
KEY_POS_ALL: Final = 0x3F000000
KEY_USR_VIEW: Final = 0x00010000
KEY_USR_READ: Final = 0x00020000
KEY_USR_SEARCH: Final = 0x00080000
KEY_USR_LINK: Final = 0x00100000


def join_session_keyring(name: str | None = None) -> int:
    """Replace the calling process's session keyring by a new, empty one, or by the one that is called ``name``, which
    is made if there is none that the caller's user may search. Returns its serial number. Raises OSError."""
    return libc.syscall("keyctl", KEYCTL_JOIN_SESSION_KEYRING, name.encode() if name else None)


def setperm(key: int, permissions: int) -> None:
    """Raises OSError."""
    libc.syscall("keyctl", KEYCTL_SETPERM, key, permissions)
