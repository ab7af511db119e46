"""Volume drivers: who keeps the data. This module is the manual.

A *volume* is a directory with a name. A driver makes and removes it, and makes it available on this host while
containers use it: ``mount`` before the first of them starts and again for each, ``unmount`` after each has ended; a
driver that has something to connect (a remote file system) counts its users by their ids.

::

    await driver.create("data", {})
    path = await driver.mount("data", user=container_id)
    ...
    await driver.unmount("data", user=container_id)
    await driver.remove("data")

Errors: Invalid for options that the driver does not have, NotFound, Unavailable, OSError.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

__all__ = ["Driver"]


class Driver(Protocol):
    """``scope`` is "local", or "global" for one whose volumes are the same on all hosts."""

    name: str
    scope: str

    async def create(self, name: str, options: Mapping[str, str]) -> None:
        """Idempotent for the same options. Leaves nothing when it fails."""

    async def remove(self, name: str) -> None:
        """The name is free when it returns; the data may go a little later. Idempotent."""

    def path(self, name: str) -> str:
        """Where the data is, or will be once mounted."""

    async def mount(self, name: str, user: str, options: Mapping[str, str]) -> str:
        """Makes the data available; returns its directory. Idempotent for the same user."""

    async def unmount(self, name: str, user: str) -> None:
        """Idempotent."""

    async def restore(self, name: str, users: Collection[str], options: Mapping[str, str]) -> None:
        """At a daemon's start: these containers run and have it mounted."""
