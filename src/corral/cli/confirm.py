"""Asking before something is lost."""

from __future__ import annotations

import os
import sys

from corral.cli.output import error_line


def confirmed(warning: str) -> bool:
    """Show ``warning`` and read the answer; everything but y or yes is no."""
    os.write(1, f"{warning}\nAre you sure you want to continue? [y/N] ".encode())
    answer = sys.stdin.readline().strip().lower()
    if answer in ("y", "yes"):
        return True
    error_line(f"{'' if sys.stdin.isatty() else chr(10)}operation cancelled")
    return False
