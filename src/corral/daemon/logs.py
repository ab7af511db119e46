"""The daemon's own log, on standard error: one line an event, as dockerd writes it."""

from __future__ import annotations

import datetime
import json
import logging
import sys
from typing import Final

__all__ = ["set_level", "set_up"]

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
_WORDS: Final = {logging.WARNING: "warning", logging.CRITICAL: "fatal"}
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up(level: str, style: str) -> None:
    """``level``: debug, info, warn, error or fatal; ``style``: text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    logging.captureWarnings(True)
    set_level(level)


def set_level(level: str) -> None:
    logging.getLogger().setLevel(_LEVELS[level])
    logging.getLogger("asyncio").setLevel(max(_LEVELS[level], logging.WARNING))


def _fields(record: logging.LogRecord) -> dict[str, str]:
    """What the caller added by ``extra``, and where a failure came from."""
    fields = {name: str(value) for name, value in vars(record).items() if name not in _STANDARD}
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        fields["traceback"] = logging.Formatter().formatException(record.exc_info)
    return fields


def _time(record: logging.LogRecord) -> str:
    return datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="microseconds")


class _Text(logging.Formatter):
    """logfmt: time=... level=... msg="..." key=value."""

    def format(self, record: logging.LogRecord) -> str:
        level = _WORDS.get(record.levelno, record.levelname.lower())
        parts = [f'time="{_time(record)}"', f"level={level}", f"msg={_quoted(record.getMessage())}"]
        parts += [f"{name}={_value(value)}" for name, value in _fields(record).items()]
        return " ".join(parts)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = _WORDS.get(record.levelno, record.levelname.lower())
        return json.dumps(
            {"time": _time(record), "level": level, "msg": record.getMessage(), "logger": record.name} | _fields(record)
        )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _value(text: str) -> str:
    plain = text and all(character.isalnum() or character in "-_./@:+" for character in text)
    return text if plain else _quoted(text)
