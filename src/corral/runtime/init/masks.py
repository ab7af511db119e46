"""Masked and read-only paths: parts of /proc and /sys that the container may not see or not change.

Done before the root changes and by descriptors only: what is bound is checked to be the null device, and no link of the
image redirects a mask (CVE-2025-31133, CVE-2023-27561).
"""

from __future__ import annotations

import os
import stat
from typing import Final

from corral.linux import mount as m
from corral.linux.fd import path_of
from corral.linux.libc import AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE
from corral.runtime.init.failure import described
from corral.runtime.init.inside import Root
from corral.runtime.init.tree import attach, clone_tree

__all__ = ["mask", "protect"]


_NULL: Final = os.makedev(1, 3)


def mask(root: Root, paths: tuple[str, ...]) -> None:
    """A file becomes the null device, a directory an empty read-only one. What does not exist is left alone."""
    empty: int | None = None
    for path in paths:
        target = root.find(path)
        if target is None:
            continue
        try:
            if not stat.S_ISDIR(os.fstat(target).st_mode):
                tree = _null(root)
                attach(tree, target)
                os.close(tree)
            elif empty is None:
                m.mount("tmpfs", path_of(target), "tmpfs", m.MS_RDONLY, "size=4k,nr_inodes=1")
                empty = root.open(path)
            else:
                tree = clone_tree(empty, "", recursive=False)
                attach(tree, target)
                os.close(tree)
        except OSError as error:
            raise described(f'can\'t mask path "{path}"', error) from error
        finally:
            os.close(target)
    if empty is not None:
        os.close(empty)


def _null(root: Root) -> int:
    """A copy of the mount of the container's null device; of the host's if it has none. Since the container's root
    could change the mode of a file that it sees, that one is read-only."""
    null = root.find("dev/null")
    if null is not None:
        status = os.fstat(null)
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL:
            tree = clone_tree(null, "", recursive=False)
            os.close(null)
            return tree
        os.close(null)
    tree = clone_tree(AT_FDCWD, "/dev/null", recursive=False)
    m.mount_setattr(tree, "", AT_EMPTY_PATH, attr_set=m.MOUNT_ATTR_RDONLY)
    return tree


def protect(root: Root, paths: tuple[str, ...]) -> None:
    """Bind each on itself, read-only with all that is mounted below. What does not exist is left alone."""
    for path in paths:
        target = root.find(path)
        if target is None:
            continue
        try:
            tree = clone_tree(target, "", recursive=True)
            m.mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, attr_set=m.MOUNT_ATTR_RDONLY)
            attach(tree, target)
            os.close(tree)
        except OSError as error:
            raise described(f'can\'t make "{path}" read-only', error) from error
        finally:
            os.close(target)
