"""config.md: POSIX-platform Hooks."""

from __future__ import annotations

from typing import Final

from corral.runtime.validation.shapes import absolute, items, number, record, text

__all__ = ["HOOKS"]

_CLAUSE: Final = "config.md#posix-platform-hooks"
_HOOK: Final = record(
    _CLAUSE,
    {"path": absolute},
    {"args": items(text), "env": items(text), "timeout": number((1, (1 << 31) - 1))},
)
HOOKS: Final = record(
    _CLAUSE,
    {},
    dict.fromkeys(
        ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"), items(_HOOK)
    ),
)
