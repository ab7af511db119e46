"""Keys of ``Spec.annotations`` that corral's own runtime understands; other runtimes ignore them."""

from __future__ import annotations

from typing import Final

REAPER: Final = "io.corral.reaper"
"""The command line that the reaper shows as process 1, as a JSON list of text. When the key is there, process 1 is a
built-in reaper which forwards signals, and the program is its child."""
