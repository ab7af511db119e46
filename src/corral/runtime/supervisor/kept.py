"""Descriptors by name, and how they are given to those who keep duplicates: the keeper, and every connected driver.

Names are paths: ``ID/pidfd``, ``ID/stdout``, ``ID/stderr``, ``ID/stdin`` (the end that is written), ``ID/console`` (a
terminal's master), ``ID/sync`` (see ``runtime.init``), and the same below ``ID/EXEC/``; ``supervisor/...`` for the
supervisor's own. Messages are ``{"keep": [names]}`` with as many descriptors, and ``{"drop": [names or paths above
them]}``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from corral.linux.fd import close_all

Send = Callable[[dict[str, object], Sequence[int]], None]

BATCH = 200
"""Descriptors in one message; the kernel allows 253."""


class Kept:
    """Owns the descriptors that it holds."""

    def __init__(self) -> None:
        self._fds: dict[str, int] = {}

    def keep(self, name: str, fd: int) -> None:
        """Take ``fd`` over. One that was known by that name is closed."""
        self.drop(name)
        self._fds[name] = fd

    def drop(self, name: str) -> None:
        """Close what is known by ``name`` or below it; nothing if there is none."""
        for known in [known for known in self._fds if known == name or known.startswith(f"{name}/")]:
            os.close(self._fds.pop(known))

    def take(self, name: str) -> int | None:
        """Give ``name`` to the caller, who then owns the descriptor."""
        return self._fds.pop(name, None)

    def get(self, name: str) -> int | None:
        """Still owned by this table."""
        return self._fds.get(name)

    def receive(self, message: dict[str, object], fds: Sequence[int]) -> None:
        """Apply a message. Takes ``fds`` over. What is not well-formed is closed and ignored."""
        names = message.get("keep", [])
        if not isinstance(names, list) or len(names) != len(fds):
            close_all(fds)
            names = []
        for name, fd in zip(names, fds, strict=False):
            self.keep(str(name), fd)
        dropped = message.get("drop", [])
        for name in dropped if isinstance(dropped, list) else []:
            self.drop(str(name))

    def messages(self) -> Iterator[tuple[dict[str, object], list[int]]]:
        """Everything, in as few messages as possible."""
        items = list(self._fds.items())
        for first in range(0, len(items), BATCH):
            batch = items[first : first + BATCH]
            yield {"keep": [name for name, _ in batch]}, [fd for _, fd in batch]

    def names(self) -> list[str]:
        return list(self._fds)

    def fds(self) -> list[int]:
        return list(self._fds.values())

    def close(self) -> None:
        close_all(list(self._fds.values()))
        self._fds.clear()

    def __len__(self) -> int:
        return len(self._fds)
