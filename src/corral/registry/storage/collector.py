"""Garbage: what nobody refers to goes away, while everybody else goes on.

Three kinds, in this order: manifests that no tag leads to (only when asked for), links of blobs that no manifest of the
repository refers to, and files that no repository has a link to. The first two are rows, and young ones stay: a push is
under way, or somebody has just asked whether the content is there in order not to send it. A file is removed under the
closed gate, after another look: an upload that is finished in this moment has its link, or gets a new file after it.

Marking is done by the database; each step is a short transaction, so that no push waits long.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from itertools import islice
from typing import Final

from corral.registry.storage.storage import Storage
from corral.store.lock import exclusive

__all__ = ["Collected", "Plan", "collect"]

_ROWS: Final = 500
_FILES: Final = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds: ``grace`` for what is not referred to, ``uploads`` for those that rest, ``unused`` for content of a
    pull-through cache (0: for ever). ``untagged``: manifests that no tag leads to go as well. ``budget``: bytes that a
    cache is brought down to (0: any). ``dry``: only count."""

    grace: float = 3600
    uploads: float = 86400
    unused: float = 0
    untagged: bool = False
    budget: int = 0
    dry: bool = False


@dataclass(slots=True)
class Collected:
    manifests: int = 0
    links: int = 0
    blobs: int = 0
    size: int = 0
    uploads_size: int = 0

    def __str__(self) -> str:
        return (
            f"{self.manifests} manifests, {self.links} links, {self.blobs} blobs of {self.size} bytes,"
            f" unfinished uploads of {self.uploads_size} bytes"
        )


def collect(storage: Storage, plan: Plan) -> Collected:
    """Blocking. Raises Conflict while another process collects in the same root."""
    done = Collected()
    taken = f"garbage of {storage.root.root} is being collected already"
    with exclusive(storage.root.collect_lock, taken):
        if not plan.dry:
            done.uploads_size = storage.blobs.expire(plan.uploads)
        if plan.unused:
            done.manifests += _delete(storage, "registry_manifests", "used < ?", (_before(plan.unused),), plan)
            done.links += _delete(storage, "registry_links", "used < ?", (_before(plan.unused),), plan)
        if plan.untagged:
            for repository in _repositories(storage):
                done.manifests += _delete_untagged(storage, repository, plan)
        done.links += _delete(storage, "registry_links", _UNREFERENCED, (_before(plan.grace),), plan)
        if plan.budget:
            done.links += _evict(storage, plan)
        _sweep(storage, plan, done)
    return done


def _before(seconds: float) -> int:
    return time.time_ns() - int(seconds * 1e9)


# -- rows

_UNREFERENCED: Final = (
    "used < ? AND NOT EXISTS (SELECT 1 FROM registry_references r"
    " WHERE r.repository = registry_links.repository AND r.digest = registry_links.digest)"
)
_REACHED: Final = """
    WITH RECURSIVE reached(digest) AS (
        SELECT digest FROM registry_tags WHERE repository = ?1
        UNION SELECT digest FROM registry_manifests WHERE repository = ?1 AND used >= ?2
        UNION SELECT r.digest FROM reached
            JOIN registry_references r ON r.repository = ?1 AND r.manifest = reached.digest AND r.kind = 'manifest'
        UNION SELECT m.digest FROM reached
            JOIN registry_manifests m ON m.repository = ?1 AND m.subject = reached.digest
    )
"""


def _repositories(storage: Storage) -> list[str]:
    return storage.index.repositories("", None, lambda _name: True)[0]


def _delete_untagged(storage: Storage, repository: str, plan: Plan) -> int:
    where = "FROM registry_manifests WHERE repository = ?1 AND digest NOT IN (SELECT digest FROM reached)"
    parameters = (repository, _before(plan.grace))
    if plan.dry:
        return int(storage.database.read(f"{_REACHED} SELECT COUNT(*) {where}", parameters)[0][0])

    def write(db: sqlite3.Connection) -> int:
        db.execute(f"{_REACHED} DELETE {where}", parameters)
        return int(db.execute("SELECT changes()").fetchone()[0])  # rowcount does not know a DELETE behind a WITH

    return storage.database.submit(write, durable=False).result()


def _delete(storage: Storage, table: str, where: str, parameters: tuple[int, ...], plan: Plan) -> int:
    if plan.dry:
        query = f"SELECT COUNT(*) FROM {table} WHERE {where}"  # noqa: S608 (words of ours)
        return int(storage.database.read(query, parameters)[0][0])
    query = (
        f"DELETE FROM {table} WHERE (repository, digest) IN"  # noqa: S608
        f" (SELECT repository, digest FROM {table} WHERE {where} LIMIT {_ROWS})"
    )
    total = 0
    while True:
        gone = storage.database.submit(lambda db: db.execute(query, parameters).rowcount, durable=False).result()
        total += gone
        if gone < _ROWS:
            return total


def _evict(storage: Storage, plan: Plan) -> int:
    """Of a cache: what was not asked for for the longest time, until the rest is within the budget."""
    excess = storage.index.stored_bytes() - plan.budget
    rows = storage.database.read("SELECT repository, digest, size FROM registry_links ORDER BY used")
    gone = []
    for row in rows:
        if excess <= 0:
            break
        excess -= row["size"]
        gone.append((row["repository"], row["digest"]))
    if gone and not plan.dry:
        storage.database.submit(
            lambda db: db.executemany("DELETE FROM registry_links WHERE repository = ? AND digest = ?", gone),
            durable=False,
        ).result()
    return len(gone)


# -- files


def _sweep(storage: Storage, plan: Plan, done: Collected) -> None:
    digests = iter(list(storage.blobs.digests()))
    while some := list(islice(digests, _FILES)):
        dead = [digest for digest in some if not _is_linked(storage, digest)]
        if not dead:
            continue
        with storage.gate.closed():
            for digest in dead:
                size = storage.blobs.size(digest)
                if size is None or _is_linked(storage, digest):
                    continue
                if not plan.dry:
                    storage.blobs.delete(digest)
                done.blobs += 1
                done.size += size


def _is_linked(storage: Storage, digest: str) -> bool:
    return bool(
        storage.database.read(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM registry_links WHERE digest = ?1)"
            " OR EXISTS (SELECT 1 FROM registry_manifests WHERE digest = ?1)",
            (digest,),
        )
    )
