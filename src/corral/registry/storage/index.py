"""The index: which repository has which blobs, manifests and tags.

Reads are single SELECTs of what was committed. Writes are functions of a connection that `Database` groups and may call
twice; several processes may share the file. A write that checks something and then relies on it does both in one.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from corral.oci.digest import Digest
from corral.registry.refusals import (
    BLOB_UNKNOWN,
    MANIFEST_BLOB_UNKNOWN,
    MANIFEST_CHANGED,
    MANIFEST_INVALID,
    MANIFEST_UNKNOWN,
    Refusal,
)
from corral.registry.storage.manifest import Parsed
from corral.registry.storage.schema import MIGRATIONS
from corral.store.database import Database

__all__ = ["Condition", "Index", "ManifestRow", "Referrer"]

_SHOWN: Final = 5
_TOUCHED: Final = 50_000


@dataclass(frozen=True, slots=True)
class ManifestRow:
    digest: Digest
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest whose subject is asked for."""

    digest: Digest
    media_type: str
    size: int
    artifact_type: str
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class Totals:
    repositories: int
    manifests: int
    tags: int


@dataclass(frozen=True, slots=True)
class Condition:
    """Of a conditional push: the tag is at one of ``match`` (any if it holds "*"), and at none of ``none_match``."""

    match: tuple[str, ...] = ()
    none_match: tuple[str, ...] = ()

    def check(self, current: str | None) -> None:
        """Raises Refusal."""
        if self.match and (current is None or ("*" not in self.match and current not in self.match)):
            raise Refusal(MANIFEST_CHANGED, current or "no such tag")
        if self.none_match and current is not None and ("*" in self.none_match or current in self.none_match):
            raise Refusal(MANIFEST_CHANGED, current)


class Index:
    def __init__(self, database: Database) -> None:
        self.database = database
        database.migrate(MIGRATIONS)
        self._touched: dict[tuple[str, str], int] = {}

    # -- repositories

    def has_repository(self, repository: str) -> bool:
        return bool(
            self.database.read(
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM registry_manifests WHERE repository = ?1)"
                " OR EXISTS (SELECT 1 FROM registry_links WHERE repository = ?1)",
                (repository,),
            )
        )

    def repositories(self, last: str, limit: int | None, wanted: Callable[[str], bool]) -> tuple[list[str], bool]:
        """Those that hold a manifest, sorted, after ``last``; and whether there are more.

        Steps from name to name by the index: the table has a row for each manifest.
        """
        found: list[str] = []
        name = last
        while True:
            row = self.database.read("SELECT MIN(repository) FROM registry_manifests WHERE repository > ?", (name,))[0]
            if row[0] is None:
                return found, False
            name = row[0]
            if wanted(name):
                if limit is not None and len(found) == limit:
                    return found, True
                found.append(name)

    # -- blobs

    def blob(self, repository: str, digest: str) -> int | None:
        """Bytes of the blob if the repository has it."""
        rows = self.database.read(
            "SELECT size FROM registry_links WHERE repository = ? AND digest = ?", (repository, digest)
        )
        return rows[0][0] if rows else None

    def holders(self, digest: str, limit: int = 100) -> list[str]:
        """Repositories that have the blob."""
        rows = self.database.read("SELECT repository FROM registry_links WHERE digest = ? LIMIT ?", (digest, limit))
        return [row[0] for row in rows]

    def link(self, repository: str, digest: Digest, size: int) -> None:
        """Returns when it is on disk. The blob's file has its name."""
        self.database.submit(lambda db: _link(db, repository, digest, size)).result()

    async def mount(self, source: str, repository: str, digest: Digest) -> int | None:
        """Gives the repository what the source has; its size, or None when the source has not."""

        def write(db: sqlite3.Connection) -> int | None:
            row = db.execute(
                "SELECT size FROM registry_links WHERE repository = ? AND digest = ?", (source, digest)
            ).fetchone()
            if row is None:
                return None
            _link(db, repository, digest, row[0])
            return int(row[0])

        return await self.database.write(write)

    async def unlink(self, repository: str, digest: Digest) -> None:
        """Raises Refusal when the repository has no such blob."""
        query = "DELETE FROM registry_links WHERE repository = ? AND digest = ?"
        await self._delete(query, (repository, digest), Refusal(BLOB_UNKNOWN, digest))

    def touch(self, repository: str, digest: str, older_than: int) -> None:
        """It was asked for: whoever did may build upon it. Written when the last time that is known is half so old."""
        now = time.time_ns()
        key = (repository, digest)
        if self._touched.get(key, 0) > now - older_than // 2:
            return
        if len(self._touched) >= _TOUCHED:
            self._touched.clear()
        self._touched[key] = now

        def write(db: sqlite3.Connection) -> None:
            for table in ("registry_links", "registry_manifests"):
                db.execute(
                    f"UPDATE {table} SET used = ? WHERE repository = ? AND digest = ? AND used < ?",  # noqa: S608
                    (now, repository, digest, now),
                )

        self.database.submit(write, durable=False, lazily=True)

    # -- manifests

    def manifest(self, repository: str, digest: str) -> ManifestRow | None:
        rows = self.database.read(
            "SELECT digest, media_type, size FROM registry_manifests WHERE repository = ? AND digest = ?",
            (repository, digest),
        )
        return ManifestRow(*rows[0]) if rows else None

    def tagged(self, repository: str, tag: str) -> ManifestRow | None:
        rows = self.database.read(
            "SELECT m.digest, m.media_type, m.size FROM registry_tags t"
            " JOIN registry_manifests m ON m.repository = t.repository AND m.digest = t.digest"
            " WHERE t.repository = ? AND t.name = ?",
            (repository, tag),
        )
        return ManifestRow(*rows[0]) if rows else None

    def put_manifest(
        self,
        repository: str,
        digest: Digest,
        size: int,
        manifest: Parsed,
        tags: Sequence[str] = (),
        *,
        condition: Condition | None = None,
        complete: bool = True,
    ) -> None:
        """Returns when it is on disk. Raises Refusal when it refers to what the repository has not, unless it need not
        be ``complete``, or when the first tag does not meet the condition."""
        now = time.time_ns()

        def write(db: sqlite3.Connection) -> None:
            if tags:
                row = db.execute(
                    "SELECT digest FROM registry_tags WHERE repository = ? AND name = ?", (repository, tags[0])
                ).fetchone()
                if condition is not None:
                    condition.check(row[0] if row else None)
            if complete:
                _check_parts(db, repository, manifest)
            db.execute(
                "INSERT INTO registry_manifests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET media_type = excluded.media_type, used = excluded.used",
                (
                    repository,
                    digest,
                    manifest.media_type,
                    size,
                    manifest.subject,
                    manifest.artifact_type,
                    json.dumps(manifest.annotations) if manifest.subject else "{}",
                    now,
                    now,
                ),
            )
            db.executemany(
                "INSERT OR IGNORE INTO registry_references VALUES (?, ?, ?, ?)",
                [
                    (repository, digest, part.digest, "manifest" if part.is_manifest else "blob")
                    for part in manifest.parts
                ],
            )
            db.executemany(
                "INSERT INTO registry_tags VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET digest = excluded.digest, updated = excluded.updated",
                [(repository, tag, digest, now) for tag in tags],
            )

        self.database.submit(write).result()

    async def delete_manifest(self, repository: str, digest: Digest) -> None:
        """Its tags go with it. Raises Refusal."""

        def write(db: sqlite3.Connection) -> None:
            cursor = db.execute(
                "DELETE FROM registry_manifests WHERE repository = ? AND digest = ?", (repository, digest)
            )
            if cursor.rowcount == 0:
                raise Refusal(MANIFEST_UNKNOWN, digest)

        await self.database.write(write)

    # -- tags

    def tags(self, repository: str, last: str, limit: int | None) -> list[str]:
        """Sorted by their bytes, after ``last``."""
        rows = self.database.read(
            "SELECT name FROM registry_tags WHERE repository = ? AND name > ? ORDER BY name LIMIT ?",
            (repository, last, -1 if limit is None else limit),
        )
        return [row[0] for row in rows]

    async def delete_tag(self, repository: str, tag: str) -> None:
        """Raises Refusal."""
        query = "DELETE FROM registry_tags WHERE repository = ? AND name = ?"
        await self._delete(query, (repository, tag), Refusal(MANIFEST_UNKNOWN, tag))

    async def _delete(self, query: str, parameters: tuple[str, str], missing: Refusal) -> None:
        """Raises ``missing`` when there was nothing to delete."""

        def write(db: sqlite3.Connection) -> None:
            if db.execute(query, parameters).rowcount == 0:
                raise missing

        await self.database.write(write)

    # -- referrers

    def referrers(self, repository: str, subject: Digest, artifact_type: str, last: str) -> Iterable[Referrer]:
        """Sorted by digest, after ``last``; of any type if it is empty."""
        rows = self.database.read(
            "SELECT digest, media_type, size, artifact_type, annotations FROM registry_manifests"
            " WHERE repository = ?1 AND subject = ?2 AND digest > ?3 AND (?4 = '' OR artifact_type = ?4)"
            " ORDER BY digest",
            (repository, subject, last, artifact_type),
        )
        return (Referrer(row[0], row[1], row[2], row[3], json.loads(row[4])) for row in rows)

    # -- all of it

    def stored_bytes(self) -> int:
        """Of all blobs and manifests, each counted once."""
        rows = self.database.read(
            "SELECT (SELECT COALESCE(SUM(size), 0) FROM (SELECT MAX(size) AS size FROM registry_links GROUP BY digest))"
            " + (SELECT COALESCE(SUM(size), 0) FROM (SELECT MAX(size) AS size FROM registry_manifests GROUP BY digest))"
        )
        return int(rows[0][0])

    def totals(self) -> Totals:
        rows = self.database.read(
            "SELECT (SELECT COUNT(DISTINCT repository) FROM registry_manifests),"
            " (SELECT COUNT(*) FROM registry_manifests), (SELECT COUNT(*) FROM registry_tags)"
        )
        return Totals(*rows[0])


def _link(db: sqlite3.Connection, repository: str, digest: str, size: int) -> None:
    db.execute(
        "INSERT INTO registry_links VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET used = excluded.used",
        (repository, digest, size, time.time_ns()),
    )


def _check_parts(db: sqlite3.Connection, repository: str, manifest: Parsed) -> None:
    missing = []
    for part in manifest.parts:
        if not part.needed:
            continue
        table = "registry_manifests" if part.is_manifest else "registry_links"
        row = db.execute(
            f"SELECT size FROM {table} WHERE repository = ? AND digest = ?",  # noqa: S608 (two names of ours)
            (repository, part.digest),
        ).fetchone()
        if row is None:
            missing.append(part.digest)
        elif part.size not in (-1, row[0]):
            raise Refusal(MANIFEST_INVALID, f"{part.digest} has {row[0]} bytes, not {part.size}")
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise Refusal(MANIFEST_BLOB_UNKNOWN, ", ".join(missing[:_SHOWN]) + more)
