"""keyctl(2): leaving the session keyring of whoever started us."""

from __future__ import annotations

from typing import Final

from corral.linux import libc

KEYCTL_JOIN_SESSION_KEYRING: Final = 1


def join_session_keyring() -> None:
    """Replace the calling process's session keyring by a new, anonymous, empty one. Raises OSError."""
    libc.syscall("keyctl", KEYCTL_JOIN_SESSION_KEYRING, None)
