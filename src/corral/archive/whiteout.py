"""Whiteouts: how a layer says that something below it is gone.

=====================  ==============================  ========================================
meaning                in a tar (AUFS, OCI image-spec)  on disk (overlayfs)
=====================  ==============================  ========================================
NAME is removed        a file ``.wh.NAME``              character device 0:0 called NAME
nothing below shows    a file ``.wh..wh..opq`` in it    xattr ``trusted.overlay.opaque`` = ``y``
=====================  ==============================  ========================================

Other names that begin with ``.wh..wh.`` are AUFS's own and mean nothing to anyone else.
"""

from __future__ import annotations

import stat
from typing import Final

PREFIX: Final = b".wh."
META_PREFIX: Final = b".wh..wh."
OPAQUE: Final = b".wh..wh..opq"

OVERLAY_XATTRS: Final = b"trusted.overlay."
OPAQUE_XATTR: Final = "trusted.overlay.opaque"

NOT_THE_FILES_OWN: Final = (OVERLAY_XATTRS, b"user.overlay.", b"security.selinux", b"security.ima", b"security.evm")
"""Attributes that belong to the host or to overlayfs and are in no archive."""


def is_device(mode: int, rdev: int) -> bool:
    """Whether an inode on disk is overlayfs's whiteout."""
    return rdev == 0 and stat.S_ISCHR(mode)
