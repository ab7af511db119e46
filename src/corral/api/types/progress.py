"""Progress of a long operation: one JSON line each, as ``docker load`` and ``docker import`` read them."""

from __future__ import annotations

from typing import Any

from corral.api.types.wire import UNSET, LowerWire, UnsetType

__all__ = ["ErrorDetail", "Progress", "ProgressDetail"]


class ErrorDetail(LowerWire):
    code: int | UnsetType = UNSET
    message: str = ""


class ProgressDetail(LowerWire):
    """``units`` "" means bytes."""

    current: int | UnsetType = UNSET
    total: int | UnsetType = UNSET
    start: int | UnsetType = UNSET
    hidecounts: bool | UnsetType = UNSET
    units: str | UnsetType = UNSET


class Progress(LowerWire):
    """``stream`` is text for the terminal; ``status`` a phrase, with a line for each ``id``; ``error`` ends it.

    ``aux`` carries a result for programs, such as {"ID": image}.
    """

    stream: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    progress_detail: ProgressDetail | UnsetType = UNSET
    progress: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    error_detail: ErrorDetail | UnsetType = UNSET
    error: str | UnsetType = UNSET
    aux: dict[str, Any] | UnsetType = UNSET
