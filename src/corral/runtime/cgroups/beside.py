"""Groups of other kinds that a container has beside its control groups, made, joined and removed together with them."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Beside"]


class Beside(Protocol):
    """``create`` leaves nothing when it fails; ``delete`` is idempotent. Both raise CorralError and OSError."""

    def create(self) -> None: ...

    def tasks_files(self) -> list[str]:
        """In which a process writes "0" to join, in this order."""

    def delete(self) -> None: ...
