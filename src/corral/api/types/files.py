"""A container's files: what changed, and the options of ``POST /commit`` (its body is a `Config`)."""

from __future__ import annotations

from corral.api.types.wire import LowerWire, Wire

__all__ = ["CommitOptions", "FilesystemChange", "PathStat"]


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


class PathStat(LowerWire):
    """X-Docker-Container-Path-Stat, in base64. ``mode``: Go's; ``link_target``: where a symbolic link leads to."""

    name: str = ""
    size: int = 0
    mode: int = 0
    mtime: str = ""
    link_target: str = ""
