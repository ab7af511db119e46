"""Commit: the options of ``POST /commit``; its body is a `Config`, its answer an `IdResponse`."""

from __future__ import annotations

from corral.api.types.wire import LowerWire

__all__ = ["CommitOptions"]


class CommitOptions(LowerWire):
    """The query. ``changes``: Dockerfile instructions."""

    repo: str = ""
    tag: str = ""
    author: str = ""
    comment: str = ""
    pause: bool = True
    changes: list[str] = []
