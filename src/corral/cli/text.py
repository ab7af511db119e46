"""Small conversions that columns share: short ids, ellipses, labels, quoted commands."""

from __future__ import annotations

import re
from collections.abc import Mapping

from corral.cli.kinds import go_quote

_SHORT = 12


def short_id(identity: str) -> str:
    """The first twelve digits, without the digest's algorithm."""
    return identity.removeprefix("sha256:")[:_SHORT]


def ellipsis(text: str, width: int) -> str:
    """At most ``width`` characters; the last is … when something was cut off."""
    return text if len(text) <= width else text[: width - 1] + "…"


def labels(values: Mapping[str, str] | None) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted((values or {}).items()))


def quote_command(command: str) -> str:
    return go_quote(command)


def natural(text: str) -> list[tuple[int, str]]:
    """A sorting key in which digits count as numbers: 9 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
