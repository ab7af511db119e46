"""ID-mapped mounts (mount_setattr(2)): whether a file system has them."""

from __future__ import annotations

import errno
import os
from typing import Final

from corral.linux import mount as m
from corral.linux import user_namespace
from corral.linux.libc import AT_EMPTY_PATH

__all__ = ["supported"]

_ANY: Final = "0 1 1\n"
_HAS_NOT: Final = (errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP)


def supported(path: str) -> bool:
    """Whether the owners of what is at ``path`` can be seen through a map: tried, on a copy that is attached nowhere.

    Raises OSError when there is nothing at ``path``.
    """
    tree = m.open_tree(-1, os.path.abspath(path), m.OPEN_TREE_CLONE | m.OPEN_TREE_CLOEXEC)
    try:
        maps = user_namespace.make(_ANY, _ANY)
        try:
            m.mount_setattr(tree, "", AT_EMPTY_PATH, attr_set=m.MOUNT_ATTR_IDMAP, userns_fd=maps)
        finally:
            os.close(maps)
    except OSError as error:
        if error.errno in _HAS_NOT:
            return False
        raise
    finally:
        os.close(tree)
    return True
