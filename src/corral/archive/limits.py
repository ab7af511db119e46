"""How much an archive may ask for before it is refused."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from corral.errors import Exhausted

MIB: Final = 1 << 20
GIB: Final = 1 << 30


class Limits(NamedTuple):
    """Bytes, counts and a ratio; zero lifts one.

    ``max_ratio`` (unpacked to compressed) counts only beyond ``ratio_floor`` unpacked bytes: deflate cannot exceed
    1032, so the default refuses only what zstd, xz or bzip2 can do and no honest image does. ``free_floor`` is what
    must stay free on the file system. ``max_special`` bounds what is held in memory: a PAX header, a long name, a
    sparse map.
    """

    max_bytes: int = 256 * GIB
    max_entries: int = 20_000_000
    max_ratio: int = 1100
    ratio_floor: int = GIB
    free_floor: int = 256 * MIB
    max_special: int = 4 * MIB


DEFAULT: Final = Limits()


class Meter:
    """Counts one archive's bytes against its limits."""

    CHECK_EVERY: Final = 64 * MIB

    def __init__(self, limits: Limits, directory: int | None = None) -> None:
        self._limits = limits
        self._directory = directory
        self._next_check = 0
        self.compressed = 0
        self.unpacked = 0

    def add(self, unpacked: int) -> None:
        """Raises Exhausted when the archive now exceeds a limit, or the file system is nearly full."""
        self.unpacked = total = self.unpacked + unpacked
        limits = self._limits
        if limits.max_bytes and total > limits.max_bytes:
            raise Exhausted(f"archive unpacks to more than {limits.max_bytes} bytes")
        if (
            limits.max_ratio
            and total > limits.ratio_floor
            and self.compressed
            and total > self.compressed * limits.max_ratio
        ):
            raise Exhausted(
                f"archive looks like a decompression bomb: {self.compressed} bytes unpack to more than "
                f"{limits.max_ratio} times as many"
            )
        if self._directory is not None and total >= self._next_check:
            self._next_check = total + self.CHECK_EVERY
            self._check_free()

    def _check_free(self) -> None:
        assert self._directory is not None
        status = os.fstatvfs(self._directory)
        free = status.f_bavail * status.f_frsize
        if free < self._limits.free_floor:
            raise Exhausted(f"no space left on device: {free} bytes are free, {self._limits.free_floor} must stay so")
