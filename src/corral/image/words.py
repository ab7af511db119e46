"""Words of a Dockerfile instruction: quoting, escapes and variables, as the instructions of ``--change`` need them.

Source: Docker's Dockerfile reference, "Environment replacement" and "ENV".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from corral.errors import Invalid

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#]")


def split(text: str) -> list[str]:
    """Cut at blanks outside of quotes; quotes and escapes are kept for `expand`."""
    words: list[str] = []
    word = ""
    quote = ""
    index = 0
    while index < len(text):
        char = text[index]
        if char == "\\" and quote != "'" and index + 1 < len(text):
            word += text[index : index + 2]
            index += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char.isspace():
            if word:
                words.append(word)
            word = ""
            index += 1
            continue
        word += char
        index += 1
    return [*words, word] if word else words


def expand(word: str, variables: Mapping[str, str]) -> str:
    """Without quotes and escapes, with ``$NAME``, ``${NAME}``, ``${NAME:-word}`` and ``${NAME:+word}`` replaced.

    Raises Invalid for an unknown modifier or a missing brace.
    """
    result = ""
    quote = ""
    index = 0
    while index < len(word):
        char = word[index]
        if char == "\\" and quote != "'" and index + 1 < len(word):
            following = word[index + 1]
            result += following if not quote or following in '"$\\' else char + following
            index += 2
        elif quote == "'" and char != "'":
            result += char
            index += 1
        elif char in "'\"" and (not quote or quote == char):
            quote = "" if quote else char
            index += 1
        elif char == "$":
            value, index = _variable(word, index + 1, variables)
            result += value
        else:
            result += char
            index += 1
    return result


def _variable(word: str, index: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """The value of what follows a dollar sign, and where it ends."""
    if word[index : index + 1] != "{":
        match = _NAME.match(word, index)
        return ("$", index) if match is None else (variables.get(match[0], ""), match.end())
    match = _NAME.match(word, index + 1)
    end = _closing(word, index + 1)
    if match is None:
        raise Invalid(f"failed to process {word!r}: bad substitution")
    rest = word[match.end() : end]
    value = variables.get(match[0])
    if not rest:
        return value or "", end + 1
    present = value if rest.startswith(":") else value is not None
    operator, alternative = rest.lstrip(":")[:1], rest.lstrip(":")[1:]
    if operator == "-":
        return (value or "") if present else expand(alternative, variables), end + 1
    if operator == "+":
        return expand(alternative, variables) if present else "", end + 1
    raise Invalid(f"failed to process {word!r}: unsupported modifier ({rest[:2]}) in substitution")


def _closing(word: str, index: int) -> int:
    depth = 1
    while index < len(word):
        if word[index] == "{":
            depth += 1
        elif word[index] == "}":
            depth -= 1
            if not depth:
                return index
        index += 1
    raise Invalid(f"failed to process {word!r}: missing }}")
