"""A directory inside a volume, for ``volume-subpath``."""

from __future__ import annotations

import os

from corral.errors import Invalid
from corral.linux.fd import path_of
from corral.linux.openat2 import RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, openat2

__all__ = ["resolve"]


def resolve(volume: str, subpath: str) -> str:
    """The real path of ``subpath``; no link in it leads out of the volume (compare CVE-2017-1002101).

    Raises Invalid.
    """
    base = os.open(volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = openat2(base, subpath, os.O_PATH, resolve=RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
        try:
            return os.readlink(path_of(fd))
        finally:
            os.close(fd)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise Invalid(f'cannot access path "{subpath}" of volume {volume}: {reason}') from error
    finally:
        os.close(base)
