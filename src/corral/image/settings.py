"""What a daemon's configuration decides about images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """``keep_compressed``: compressed layers stay beside the unpacked ones, so that a push has nothing to compress.

    ``budget``: bytes that images may take before those go which were not used for longest; 0 for no limit.
    """

    keep_compressed: bool = True
    budget: int = 0


DEFAULTS: Final = ImageSettings()
