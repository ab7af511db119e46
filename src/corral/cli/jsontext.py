"""JSON that is shown as the daemon sent it: order, escapes and numbers stay; only the white space is ours."""

from __future__ import annotations

import re

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


def indent(text: str, step: str = "    ") -> str:
    """``text`` (valid JSON) on many lines."""
    out: list[str] = []
    depth = 0
    words = _WORD.findall(text)
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        if word in "[{":
            if following and following in "]}":
                out.append(word)
                continue
            depth += 1
            out.append(f"{word}\n{step * depth}")
        elif word in "]}":
            if words[place - 1] in ("[", "{"):
                out.append(word)
                continue
            depth -= 1
            out.append(f"\n{step * depth}{word}")
        elif word == ",":
            out.append(f",\n{step * depth}")
        elif word == ":":
            out.append(": ")
        else:
            out.append(word)
    return "".join(out)


def compact(text: str) -> str:
    return "".join(_WORD.findall(text))
