"""An archive that was unpacked to be read: its files by path, and never anything outside of it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from corral.errors import Invalid
from corral.linux.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2
from corral.oci.digest import algorithm_of, digest_of, encoded_of

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY


class Spool:
    """Paths are resolved as in a chroot: older archives share layers by symbolic links."""

    def __init__(self, directory: Path) -> None:
        self._root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self._root)

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[int]:
        """A descriptor of a regular file. Raises Invalid."""
        try:
            fd = openat2(self._root, path, _FLAGS, resolve=RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise Invalid(f"the archive's {path!r}: {reason}") from error
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Invalid(f"the archive's {path!r} is not a file")
            yield fd
        finally:
            os.close(fd)

    def exists(self, path: str) -> bool:
        try:
            with self.open(path):
                return True
        except Invalid:
            return False

    def size(self, path: str) -> int:
        with self.open(path) as fd:
            return os.fstat(fd).st_size

    def read(self, path: str, maximum: int) -> bytes:
        """Raises Invalid, also when there is more than ``maximum``."""
        with self.open(path) as fd:
            if os.fstat(fd).st_size > maximum:
                raise Invalid(f"the archive's {path!r} is larger than {maximum} bytes")
            with open(fd, "rb", closefd=False) as file:
                return file.read(maximum)

    def blob(self, digest: str, maximum: int) -> bytes:
        """A blob of an OCI layout, verified. Raises Invalid."""
        content = self.read(f"blobs/{algorithm_of(digest)}/{encoded_of(digest)}", maximum)
        if algorithm_of(digest) == "sha256" and digest_of(content) != digest:
            raise Invalid(f"content has digest {digest_of(content)}, expected {digest}")
        return content
