"""A container's files: what changed, and the options of ``POST /commit`` (its body is a `Config`)."""

from __future__ import annotations

from corral.api.types.wire import LowerWire, Wire

__all__ = ["CommitOptions", "FilesystemChange"]


class FilesystemChange(Wire):
    """``kind``: 0 modified, 1 added, 2 deleted."""

    path: str = ""
    kind: int = 0


class CommitOptions(LowerWire):
    """The query. ``changes``: Dockerfile instructions."""

    repo: str = ""
    tag: str = ""
    author: str = ""
    comment: str = ""
    pause: bool = True
    changes: list[str] = []
