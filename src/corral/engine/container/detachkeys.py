"""Detach keys as users write them: "ctrl-p,ctrl-q", "a,ctrl-\\\\"."""

from __future__ import annotations

from typing import Final

from corral.errors import Invalid

__all__ = ["DEFAULT", "parse"]

DEFAULT: Final = b"\x10\x11"
"""ctrl-p, ctrl-q."""

_CONTROL: Final = "@abcdefghijklmnopqrstuvwxyz[\\]^_"
"""ctrl-X is the place of X here."""


def parse(text: str | None) -> bytes:
    """The bytes that are typed; the default for None. Raises Invalid."""
    if text is None:
        return DEFAULT
    if not text:
        return b""
    return bytes(_key(key) for key in text.split(","))


def _key(key: str) -> int:
    if len(key) == 1 and key.isascii():
        return ord(key)
    prefix, letter = key[:-1].lower(), key[-1:].lower()
    if prefix == "ctrl-" and letter in _CONTROL:
        return _CONTROL.index(letter)
    raise Invalid(f"Invalid detach keys ({key}) provided")
