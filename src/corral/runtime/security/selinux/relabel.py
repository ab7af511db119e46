"""``:z`` and ``:Z``: giving the files below a bind mount's source the label of those who are to use them."""

from __future__ import annotations

import errno
import os
from typing import Final

from corral.errors import Forbidden, Invalid
from corral.runtime.security.selinux.labels import shared as without_categories

__all__ = ["is_protected", "relabel"]

XATTR: Final = "security.selinux"

_DIRECTORIES: Final = (
    "/ /bin /boot /dev /etc /etc/passwd /etc/pki /etc/shadow /home /lib /lib64 /media /opt /proc /root /run /sbin /srv "
    "/sys /tmp /usr /var /var/lib /var/log"
)
_PROTECTED: Final = frozenset(_DIRECTORIES.split())
"""Whoever asks for one of these has made a mistake after which the host does not boot."""


def is_protected(path: str) -> bool:
    path = os.path.normpath(path)
    return path in _PROTECTED or path == os.path.normpath(os.environ.get("HOME") or "/")


def relabel(path: str, label: str, *, shared: bool) -> None:
    """Everything below ``path`` and itself; links are labelled, not followed. A file system without labels is left.

    ``shared`` (``:z``): all containers may use it, so the label has no categories. Raises Invalid for directories that
    are the host's, Forbidden when a label is refused, OSError.
    """
    if is_protected(path):
        raise Invalid(f"SELinux relabeling of {path} is not allowed")
    wanted = (without_categories(label) if shared else label).encode() + b"\0"
    try:
        _set(path, wanted)
        for directory, names, files, fd in os.fwalk(path, follow_symlinks=False):
            for name in (*names, *files):
                _set(f"/proc/self/fd/{fd}/{name}", wanted, shown=f"{directory}/{name}")
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return
        if error.errno in (errno.EPERM, errno.EACCES, errno.EINVAL):
            raise Forbidden(f"failed to set file label on {error.filename}: {error.strerror}") from error
        raise


def _set(path: str, label: bytes, shown: str = "") -> None:
    try:
        if os.getxattr(path, XATTR, follow_symlinks=False) == label:
            return
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
    try:
        os.setxattr(path, XATTR, label, follow_symlinks=False)
    except OSError as error:
        raise OSError(error.errno, error.strerror, shown or path) from error
