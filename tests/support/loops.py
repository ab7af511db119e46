"""File systems in a file, mounted for the time of a test."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

_MEBI = 1 << 20


@contextlib.contextmanager
def loop_btrfs(image: Path, at: Path, size: int = 300 * _MEBI) -> Iterator[None]:
    """A btrfs at the directory ``at``, which is made, in the sparse file ``image``."""
    with image.open("wb") as file:
        file.truncate(size)
    subprocess.run(["mkfs.btrfs", "-q", "-m", "single", image], check=True, capture_output=True)
    at.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, at], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", at], check=True, capture_output=True)
        image.unlink()
