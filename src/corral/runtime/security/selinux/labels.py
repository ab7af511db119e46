"""A container's labels: ``user:role:type:level``, of its processes and of its files.

Containers are kept apart by their level: two categories of 1024 that no other container has (multi-category
security). Whoever shares a namespace with another shares its label as well.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from corral.errors import Invalid

__all__ = ["Context", "Labels", "allocate_level", "container_labels", "duplicated_options", "level_of", "shared"]

CATEGORIES: Final = 1024
DISABLE: Final = "disable"
_PARTS: Final = ("user", "role", "type", "level")
_OPTIONS: Final = "'disable, user, role, level, type, filetype'"


@dataclass(frozen=True, slots=True)
class Context:
    """One label in its parts; ``level`` may have colons and be empty (a policy without levels)."""

    user: str
    role: str
    type: str
    level: str = ""

    @classmethod
    def parse(cls, text: str) -> Context:
        """Raises Invalid."""
        parts = text.split(":", 3)
        if len(parts) < 3:
            raise Invalid(f"invalid SELinux label {text!r}")
        return cls(*parts)

    def __str__(self) -> str:
        return ":".join(filter(None, (self.user, self.role, self.type, self.level)))


@dataclass(frozen=True, slots=True)
class Labels:
    """``process`` empty: the runtime leaves it to the policy; ``mount`` empty: files keep theirs."""

    process: str = ""
    mount: str = ""


def container_labels(options: Iterable[str], base: Labels, taken: Collection[str]) -> Labels:
    """What ``--security-opt label=OPTION`` makes of the policy's labels for containers.

    ``taken``: levels that are in use. Raises Invalid with Docker's text.
    """
    if not base.process:
        return Labels()
    level = allocate_level(taken)
    process = replace(Context.parse(base.process), level=level)
    mount = replace(Context.parse(base.mount), level=level)
    for option in options:
        if option == DISABLE:
            return Labels("", str(Context.parse(base.mount)))
        name, separator, value = option.partition(":")
        if not separator:
            raise Invalid(
                f"invalid --security-opt 1: Bad label option {option!r}, valid options 'disable' or \n"
                "'user, role, level, type, filetype' followed by ':' and a value"
            )
        if name == "filetype":
            mount = replace(mount, type=value)
        elif name in _PARTS:
            process = replace(process, **{name: value})
            if name in ("level", "user"):
                mount = replace(mount, **{name: value})
        else:
            raise Invalid(f"Bad label option {name!r}, valid options {_OPTIONS}")
    return Labels(str(process), str(mount))


def duplicated_options(label: str) -> tuple[str, ...]:
    """The options that give another container the process label ``label``; of an unlabelled one, none."""
    if not label:
        return (DISABLE,)
    context = Context.parse(label)
    return tuple(f"{part}:{getattr(context, part)}" for part in _PARTS if getattr(context, part))


def level_of(label: str) -> str:
    return Context.parse(label).level if label else ""


def shared(label: str) -> str:
    """The same label for files of several containers: without categories."""
    context = Context.parse(label)
    return str(replace(context, level=context.level.partition(":")[0]))


def allocate_level(taken: Collection[str]) -> str:
    """Of more than half a million pairs one that is not in ``taken``. Raises Invalid when all are."""
    if len(taken) >= CATEGORIES * (CATEGORIES - 1) // 2:
        raise Invalid("no more SELinux categories")
    while True:
        first, second = secrets.randbelow(CATEGORIES), secrets.randbelow(CATEGORIES)
        level = f"s0:c{min(first, second)},c{max(first, second)}"
        if first != second and level not in taken:
            return level
