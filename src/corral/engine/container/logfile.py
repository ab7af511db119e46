"""Where a container's output goes, out of its LogConfig."""

from __future__ import annotations

import re
from typing import Final

from corral.api.types.host_config import LogConfig
from corral.errors import Invalid
from corral.runtime.driver import LogFile

__all__ = ["log_file", "rotation"]

DEFAULT_MAX_SIZE: Final = 20 << 20
DEFAULT_MAX_FILES: Final = 5
"""Logs rotate unless ``max-size`` is "-1": a chatty container does not fill the disk."""

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([kKmMgGtTpP])?(?:i?[bB])?")
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


def log_file(given: LogConfig, path: str) -> LogFile | None:
    """None when the output is to be thrown away."""
    if given.type == "none":
        return None
    max_size, max_files, compress = rotation(given.config or {})
    return LogFile(path, max_size, max_files, compress)


def rotation(options: dict[str, str]) -> tuple[int, int, bool]:
    """(bytes or 0 for never, number of files, whether old ones are compressed). Raises Invalid."""
    size = options.get("max-size", "")
    max_size = DEFAULT_MAX_SIZE if not size else 0 if size == "-1" else _bytes(size)
    count = options.get("max-file", "")
    max_files = DEFAULT_MAX_FILES if not count and not size else int(count) if count.isdecimal() else 1
    if count and (not count.isdecimal() or max_files < 1):
        raise Invalid("max-file cannot be less than 1")
    if max_size == 0 and max_files > 1 and count:
        raise Invalid("max-file can't be set to more than 1 without max-size")
    compress = options.get("compress", "false").lower()
    if compress not in ("true", "false"):
        raise Invalid(f'invalid value for compress: "{compress}"')
    return max_size, max_files, compress == "true"


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    size = int(float(match[1]) * _UNITS[(match[2] or "").lower()]) if match else 0
    if size <= 0:
        raise Invalid(f"invalid size: '{text}'")
    return size
