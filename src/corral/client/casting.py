"""``typing.cast`` without the 5 ms that importing ``typing`` takes; the type checker sees the real one."""

from __future__ import annotations


def cast(_kind: object, value: object) -> object:
    return value
