"""Which images a list shows: Docker's filters, parsed once, then asked for each image.

Source: the engine API's ImageList; error texts are those of the docker daemon.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from corral.errors import Invalid
from corral.image import changes, when
from corral.image.record import Image
from corral.oci.reference import Reference

ACCEPTED: Final = frozenset({"dangling", "label", "before", "since", "reference", "until"})
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_SECONDS: Final = re.compile(r"(\d+)(?:\.(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """``dangling`` None: not asked. Times in nanoseconds, None: not asked. ``references`` match `Reference`s."""

    dangling: bool | None = None
    labels: tuple[tuple[str, str | None], ...] = ()
    before: int | None = None
    since: int | None = None
    until: int | None = None
    references: tuple[re.Pattern[str], ...] = ()

    def admits(self, image: Image) -> bool:
        """Everything but names."""
        if self.before is not None and not image.created < self.before:
            return False
        if self.since is not None and not image.created > self.since:
            return False
        if self.until is not None and image.created > self.until:
            return False
        labels = image.config.runtime.labels or {}
        return all(key in labels and value in (None, labels[key]) for key, value in self.labels)

    def names(self, reference: Reference) -> bool:
        """Whether a ``reference`` filter lets this name through."""
        if not self.references:
            return True
        shown = (reference.familiar, reference.familiar_name)
        return any(pattern.fullmatch(text) for pattern in self.references for text in shown)


def parse(filters: Mapping[str, Iterable[str]], resolve: Callable[[str], Image]) -> ImageFilter:
    """Raises Invalid, and NotFound for an image that ``before`` or ``since`` names."""
    values = {name: list(given) for name, given in filters.items()}
    for name in values:
        if name not in ACCEPTED:
            raise Invalid(f"invalid filter '{name}'")
    return ImageFilter(
        dangling=boolean("dangling", values["dangling"]) if values.get("dangling") else None,
        labels=tuple(_label(text) for text in values.get("label", ())),
        before=min((resolve(text).created for text in values.get("before", ())), default=None),
        since=max((resolve(text).created for text in values.get("since", ())), default=None),
        until=min((timestamp(text) for text in values.get("until", ())), default=None),
        references=tuple(glob(text) for text in values.get("reference", ())),
    )


def boolean(name: str, values: list[str]) -> bool:
    truths = {_TRUTH.get(value) for value in values}
    if len(truths) != 1 or None in truths:
        raise Invalid(f"invalid filter '{name}=[{' '.join(values)}]'")
    return truths == {True}


def _label(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    return key, value if equals else None


def timestamp(text: str) -> int:
    """A Go duration back from now, seconds since the epoch, a date, or RFC 3339. Raises Invalid."""
    if match := _SECONDS.fullmatch(text):
        return int(match[1]) * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))
    if _DAY.fullmatch(text) or (_MOMENT.fullmatch(text) and not text.endswith("Z") and "+" not in text):
        try:
            return int(datetime.fromisoformat(text).astimezone().timestamp() * 1_000_000) * 1000
        except ValueError as error:
            raise Invalid(f'failed to parse value as time or duration: "{text}"') from error
    if moment := when.parse(text):
        return moment
    try:
        return time.time_ns() - changes.parse_duration(text)
    except Invalid:
        raise Invalid(f'failed to parse value as time or duration: "{text}"') from None


def glob(pattern: str) -> re.Pattern[str]:
    """Go's path.Match: ``*`` and ``?`` do not match a slash; classes with ``^``; a backslash escapes.

    Raises Invalid.
    """
    result = ""
    index = 0
    while index < len(pattern):
        char = pattern[index]
        index += 1
        if char == "*":
            result += "[^/]*"
        elif char == "?":
            result += "[^/]"
        elif char == "\\":
            if index == len(pattern):
                raise Invalid("syntax error in pattern")
            result += re.escape(pattern[index])
            index += 1
        elif char == "[":
            end = pattern.find("]", index + 1)
            body = pattern[index:end]
            if end < 0 or body == "^":
                raise Invalid("syntax error in pattern")
            negated = body.startswith("^")
            inner = re.sub(r"([\\\]\[&~|^])", r"\\\1", body[1:] if negated else body)
            result += f"[{'^/' if negated else ''}{inner}]"
            index = end + 1
        else:
            result += re.escape(char)
    try:
        return re.compile(result)
    except re.error:
        raise Invalid("syntax error in pattern") from None
