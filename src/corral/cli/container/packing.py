"""A local file or directory as the archive that is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator

from corral.archive.member import Members
from corral.archive.walk import Node, open_root, walk
from corral.archive.writer import END
from corral.cli.container.copypaths import Place, Plan, split

_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def pack(source: Place, plan: Plan) -> Iterator[bytes]:
    """Pieces of a size that is worth sending. Raises OSError."""
    name = os.fsencode(source.rebase or split(source.path)[1])
    pending: list[bytes] = []
    size = 0
    for piece in _members(source, name, plan):
        pending.append(piece)
        size += len(piece)
        if size >= 1 << 18:
            yield b"".join(pending)
            pending, size = [], 0
    yield b"".join(pending)


def _members(source: Place, name: bytes, plan: Plan) -> Iterator[bytes]:
    members = Members()
    if not source.is_directory:
        fd = os.open(source.path, _PATH)
        try:
            yield from members.of(Node(b"", fd, os.fstat(fd)), plan.rename(name))
        finally:
            os.close(fd)
    else:
        root = open_root(source.path)
        prefix = name if name.endswith(b"/") else name + b"/"
        try:
            for node in walk(root):
                yield from members.of(node, plan.rename(prefix + node.path if node.path else name))
        finally:
            os.close(root)
    yield END
