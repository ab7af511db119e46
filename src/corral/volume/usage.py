"""How much a directory tree takes on disk."""

from __future__ import annotations

import asyncio
import os

__all__ = ["size"]


async def size(path: str) -> int:
    """Bytes of all regular files below ``path``, hard links once; what vanishes meanwhile does not count."""
    return await asyncio.to_thread(_size, path)


def _size(path: str) -> int:
    total = 0
    seen: set[tuple[int, int]] = set()
    pending = [path]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                    continue
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            identity = (status.st_dev, status.st_ino)
            if status.st_nlink == 1 or identity not in seen:
                seen.add(identity)
                total += status.st_size
    return total
