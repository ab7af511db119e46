"""-e, --env-file, --label, --label-file, --annotation, --log-opt and other key=value lists."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from corral.cli.errors import UsageError

_BLANKS = " \t"


def parse_env(text: str) -> str:
    """``NAME=value``; a bare NAME takes its value from this process, if there is one. Raises ValueError."""
    name, equals, _ = text.partition("=")
    if not name:
        raise ValueError(f"invalid environment variable: {text}")
    if not equals and name in os.environ:
        return f"{name}={os.environ[name]}"
    return text


def parse_label(text: str) -> str:
    if text.startswith("="):
        raise ValueError(f"invalid label '{text}': empty name")
    return text


def read_lines(path: str, *, environment: bool) -> list[str]:
    """A file of ``NAME=value`` lines; blank lines and comments are skipped. Raises UsageError.

    With ``environment`` a bare NAME takes its value from this process and is left out when there is none.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(f"open {path}: {(error.strerror or '').lower()}", usage=False) from None
    found: list[str] = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = line.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            raise UsageError(
                f"env file {path} contains invalid utf8 bytes at line {number}: {list(line)}", usage=False
            ) from None
        text = text.lstrip(_BLANKS)
        if not text or text.startswith("#"):
            continue
        name, equals, _ = text.partition("=")
        if any(blank in name for blank in _BLANKS):
            raise UsageError(f"variable '{name}' contains whitespaces", usage=False)
        if not name:
            raise UsageError(f"no variable name on line '{text}'", usage=False)
        if equals:
            found.append(text)
        elif environment:
            if name in os.environ:
                found.append(f"{name}={os.environ[name]}")
        else:
            found.append(text)
    return found


def environment(files: Iterable[str], given: Sequence[str]) -> list[str]:
    """--env-file first, then -e, which may override it. Raises UsageError."""
    return [line for path in files for line in read_lines(path, environment=True)] + list(given)


def labels(files: Iterable[str], given: Sequence[str]) -> dict[str, str]:
    """--label-file first, then --label. Raises UsageError."""
    return mapping([line for path in files for line in read_lines(path, environment=False)] + list(given))


def mapping(pairs: Iterable[str]) -> dict[str, str]:
    """``["a=b", "c"]`` -> ``{"a": "b", "c": ""}``."""
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
