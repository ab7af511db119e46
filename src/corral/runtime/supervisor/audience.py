"""Those who are told what happens: every connected driver, and the keeper."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from corral.runtime.driver import Exit
from corral.runtime.supervisor.kept import BATCH
from corral.runtime.supervisor.loop import Loop
from corral.runtime.supervisor.peer import Peer
from corral.runtime.supervisor.protocol import Message, encode_exit

_LEISURE: Final = 0.05
"""Seconds for which descriptors that matter to nobody are kept, so that several are dropped in one message."""


class Audience:
    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._dropped: list[str] = []
        self.keeper: Peer | None = None
        self.drivers: list[Peer] = []

    def keep(self, kept: Iterable[tuple[str, int]]) -> None:
        """Give everybody duplicates of named descriptors."""
        self._drop_now()  # the same names may be among them
        items = list(kept)
        for first in range(0, len(items), BATCH):
            for peer in self._everybody():
                keep(peer, items[first : first + BATCH])

    def drop(self, name: str, *, soon: bool = False) -> None:
        """What is kept by ``name`` or below it is not needed any more; ``soon``: somebody waits for its end."""
        self._dropped.append(name)
        if soon:
            self._drop_now()
        elif len(self._dropped) == 1:
            self._loop.call_later(_LEISURE, self._drop_now)

    def _drop_now(self) -> None:
        names, self._dropped = self._dropped, []
        if names:
            for peer in self._everybody():
                peer.send({"drop": names})

    def introduce(self, introduction: Message) -> None:
        """The process behind the connection is another one now."""
        self._tell({"event": "replaced", **introduction})

    def exit(self, container: str, exec_id: str | None, exit: Exit) -> bool:
        """False when there was no driver to be told."""
        return self._tell({"event": "exit", "id": container, "exec": exec_id, "exit": encode_exit(exit)})

    def oom(self, container: str, limit: str) -> None:
        self._tell({"event": "oom", "id": container, "limit": limit})

    def detached(self, container: str, exec_id: str | None) -> None:
        self._tell({"event": "detached", "id": container, "exec": exec_id})

    def _tell(self, message: Message) -> bool:
        told = [driver.send(message) for driver in tuple(self.drivers)]
        return any(told)

    def _everybody(self) -> list[Peer]:
        return [*self.drivers, *([self.keeper] if self.keeper is not None else [])]


def keep(peer: Peer, items: list[tuple[str, int]]) -> None:
    peer.send({"keep": [name for name, _ in items]}, [fd for _, fd in items])
