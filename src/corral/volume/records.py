"""What is recorded of volumes and of their use: two tables, and the same in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from corral.oci.codec import Codec
from corral.store.database import Database, Migration
from corral.volume.mount import ContainerMount

__all__ = ["VolumeRecord", "VolumeRecords"]

_MIGRATIONS: Final = (
    Migration(
        "volume",
        1,
        """
        CREATE TABLE volumes (
            name    TEXT PRIMARY KEY,
            record  TEXT NOT NULL  -- volume.records.VolumeRecord as JSON
        );
        CREATE TABLE container_mounts (
            container  TEXT PRIMARY KEY,
            mounts     TEXT NOT NULL  -- list of volume.mount.ContainerMount as JSON
        )
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class VolumeRecord:
    """``created`` in nanoseconds since the epoch; ``labels`` None when the client gave none."""

    name: str
    driver: str
    created: int
    labels: dict[str, str] | None = None
    options: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return _CODEC.encode(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> VolumeRecord:
        return _CODEC.decode(data)


_CODEC: Final = Codec.of(VolumeRecord)


class VolumeRecords:
    """Reads come from memory; the daemon is the only writer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate(_MIGRATIONS)
        self.volumes = {
            record.name: record
            for row in database.read("SELECT record FROM volumes")
            for record in (VolumeRecord.from_json(json.loads(row[0])),)
        }
        self.mounts = {
            str(row[0]): tuple(ContainerMount.from_json(mount) for mount in json.loads(row[1]))
            for row in database.read("SELECT container, mounts FROM container_mounts")
        }

    def users(self, volume: str) -> list[str]:
        """Containers that refer to it, running or not."""
        return [container for container, mounts in self.mounts.items() if any(m.name == volume for m in mounts)]

    def attach(self, container_id: str, mounts: Sequence[ContainerMount], new_volumes: Iterable[VolumeRecord]) -> None:
        """The container's mounts, together with the volumes that were made for them.

        Does not wait for the disk: writes are committed in their order, and the container's own record comes later.
        """
        fresh = [(record.name, json.dumps(record.to_json())) for record in new_volumes]
        text = json.dumps([mount.to_json() for mount in mounts])

        def write(db: sqlite3.Connection) -> None:
            db.executemany("INSERT OR REPLACE INTO volumes VALUES (?, ?)", fresh)
            db.execute("INSERT OR REPLACE INTO container_mounts VALUES (?, ?)", (container_id, text))

        self.mounts[container_id] = tuple(mounts)
        self._database.submit(write)

    def detach(self, container_ids: Iterable[str]) -> None:
        """Idempotent. Does not wait for the disk: `VolumeService.restore` finds what was not written."""
        gone = [(container_id,) for container_id in container_ids if self.mounts.pop(container_id, None) is not None]
        if gone:
            statement = "DELETE FROM container_mounts WHERE container = ?"
            self._database.submit(lambda db: db.executemany(statement, gone) and None)

    async def put(self, record: VolumeRecord) -> None:
        text = json.dumps(record.to_json())
        self.volumes[record.name] = record
        await self._database.write(
            lambda db: db.execute("INSERT OR REPLACE INTO volumes VALUES (?, ?)", (record.name, text)) and None
        )

    async def delete(self, name: str) -> None:
        """Idempotent."""
        self.volumes.pop(name, None)
        await self._database.write(lambda db: db.execute("DELETE FROM volumes WHERE name = ?", (name,)) and None)
