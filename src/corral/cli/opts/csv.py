"""One line of comma-separated fields, quoted as encoding/csv quotes them (``"device=0,1",capabilities=utility``)."""

from __future__ import annotations


def fields(text: str) -> list[str]:
    """Raises ValueError on a stray quote."""
    found: list[str] = []
    at = 0
    while True:
        if text.startswith('"', at):
            value, at = _quoted(text, at + 1)
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            value, at = text[at:end], end
            if '"' in value:
                raise ValueError(f'parse error on line 1, column {at + 1}: bare " in non-quoted-field')
        found.append(value)
        if at >= len(text):
            return found
        at += 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    value = ""
    while True:
        end = text.find('"', at)
        if end < 0:
            raise ValueError(f'parse error on line 1, column {len(text) + 1}: extraneous or missing " in quoted-field')
        value += text[at:end]
        if text.startswith('"', end + 1):
            value += '"'
            at = end + 2
            continue
        if end + 1 < len(text) and text[end + 1] != ",":
            raise ValueError(f'parse error on line 1, column {end + 2}: extraneous or missing " in quoted-field')
        return value, end + 1


def pairs(text: str) -> list[tuple[str, str | None]]:
    """``a=b,c`` -> ``[("a", "b"), ("c", None)]``; keys in lower case."""
    found: list[tuple[str, str | None]] = []
    for field in fields(text):
        key, equals, value = field.partition("=")
        found.append((key.strip().lower(), value if equals else None))
    return found
