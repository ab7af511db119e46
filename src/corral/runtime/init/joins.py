"""Namespaces that are somebody else's, by the path of a file that stands for one."""

from __future__ import annotations

import os

from corral.linux import namespace
from corral.runtime.init.failure import described

__all__ = ["join"]


def join(flag: int, path: str) -> None:
    """``flag``: the CLONE_NEW* of its kind, see setns(2). Raises SetupError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        namespace.setns(fd, flag)
        os.close(fd)
    except OSError as error:
        raise described(f"joining namespace {path}", error) from error
