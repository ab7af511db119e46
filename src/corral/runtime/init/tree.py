"""Mount trees that are attached nowhere: copying one, and putting it somewhere."""

from __future__ import annotations

from typing import Final

from corral.linux import mount as m
from corral.linux.libc import AT_EMPTY_PATH, AT_RECURSIVE

__all__ = ["attach", "clone_tree"]

_TREE: Final = m.OPEN_TREE_CLONE | m.OPEN_TREE_CLOEXEC


def clone_tree(dirfd: int, path: str, *, recursive: bool) -> int:
    """A detached copy of the mount that ``path`` is in, rooted there; with "" of what ``dirfd`` itself is open on."""
    flags = _TREE | (AT_RECURSIVE if recursive else 0) | (0 if path else AT_EMPTY_PATH)
    return m.open_tree(dirfd, path, flags)


def attach(tree: int, destination: int) -> None:
    """Put a detached tree on top of what ``destination`` is open on."""
    m.move_mount(tree, "", destination, "", m.MOVE_MOUNT_F_EMPTY_PATH | m.MOVE_MOUNT_T_EMPTY_PATH)
