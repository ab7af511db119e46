"""Stands in for ``signal``: numbers are numbers."""

from __future__ import annotations

from _signal import *  # type: ignore[import-not-found]  # noqa: F403

from corral.runtime.command.slim import standard

__getattr__ = standard("signal")
