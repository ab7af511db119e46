"""What a worker is to see of a container, and as whom."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Extra:
    """A file or directory of the host that the container has mounted at ``destination``.

    ``filled``: if it is an empty directory, with what the image has there, as it will be at the first start.
    """

    source: str
    destination: str
    read_only: bool = False
    recursive: bool = True
    filled: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """``at``: any directory of the host, covered in the worker's own mount namespace.

    Of a running container ``namespace`` is a descriptor of its mount namespace, and ``root`` one of its root directory
    if that is not the namespace's (-1: it is). Of a stopped one ``rootfs`` tells how its root is made, ``extras`` what
    is mounted in it. ``alone``: the root file system without what is mounted in it.

    ``user_namespace`` is a descriptor of the one to work in, -1 for the host's; ``uid_map`` and ``gid_map`` instead
    make one. Descriptors are the caller's.
    """

    at: str
    namespace: int = -1
    root: int = -1
    rootfs: tuple[dict[str, Any], ...] = ()
    extras: tuple[Extra, ...] = ()
    alone: bool = False
    user_namespace: int = -1
    uid_map: str = ""
    gid_map: str = ""

    @property
    def fds(self) -> tuple[int, ...]:
        """Those that the worker gets, in the order of `to_json`'s numbers."""
        return tuple(fd for fd in (self.namespace, self.root, self.user_namespace) if fd >= 0)

    def to_json(self) -> dict[str, Any]:
        """With places in `fds` instead of descriptors."""
        fds = self.fds
        places = {name: fds.index(fd) if fd >= 0 else -1 for name, fd in self._descriptors().items()}
        return asdict(self) | places

    def _descriptors(self) -> dict[str, int]:
        return {"namespace": self.namespace, "root": self.root, "user_namespace": self.user_namespace}
