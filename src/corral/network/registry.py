"""The networks that there are: records in the database, the same in memory, and looking them up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Final

from corral.errors import Conflict, NotFound
from corral.network.network import Network
from corral.store.database import Database, Migration

__all__ = ["NetworkRegistry"]

_MIGRATIONS: Final = (
    Migration(
        "network",
        1,
        """
        CREATE TABLE networks (
            id      TEXT PRIMARY KEY,
            name    TEXT NOT NULL UNIQUE,
            record  TEXT NOT NULL  -- network.network.Network as JSON
        )
        """,
    ),
)


class NetworkRegistry:
    """Reads come from memory; the daemon is the only writer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate(_MIGRATIONS)
        rows = database.read("SELECT record FROM networks")
        self._networks = {network.id: network for row in rows if (network := Network.from_json(json.loads(row[0])))}

    def __iter__(self) -> Iterator[Network]:
        """Oldest first."""
        return iter(sorted(self._networks.values(), key=lambda network: (network.created, network.name)))

    def by_name(self, name: str) -> Network | None:
        return next((network for network in self._networks.values() if network.name == name), None)

    def resolve(self, ref: str) -> Network:
        """By name, id or prefix of an id, in that order. Raises NotFound, Conflict when a prefix is not unique."""
        if found := self.by_name(ref) or self._networks.get(ref):
            return found
        matches = [network for network in self._networks.values() if ref and network.id.startswith(ref)]
        if not matches:
            raise NotFound(f"network {ref} not found", code="no_such_network")
        if len(matches) > 1:
            raise Conflict(f"network {ref} is ambiguous ({len(matches)} matches found based on ID prefix)")
        return matches[0]

    async def put(self, network: Network) -> None:
        """Adds or replaces, durably. Raises Conflict when another one has the name."""
        other = self.by_name(network.name)
        if other is not None and other.id != network.id:
            raise Conflict(f"network with name {network.name} already exists")
        record = json.dumps(network.to_json())

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO networks VALUES (?, ?, ?)", (network.id, network.name, record))

        self._networks[network.id] = network
        await self._database.write(write)

    async def delete(self, network_id: str) -> None:
        """Idempotent."""
        self._networks.pop(network_id, None)
        await self._database.write(lambda db: db.execute("DELETE FROM networks WHERE id = ?", (network_id,)) and None)
