"""Stands in for ``collections``."""

from __future__ import annotations

import _collections_abc as abc
import sys
from _collections import OrderedDict, defaultdict, deque  # type: ignore[import-not-found]

from corral.runtime.command.slim import standard

__all__ = ["OrderedDict", "abc", "defaultdict", "deque"]

__getattr__ = standard("collections")
sys.modules.setdefault("collections.abc", abc)
