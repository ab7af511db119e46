"""The tables of the registry's index. Times are nanoseconds since the epoch."""

from __future__ import annotations

from typing import Final

from corral.store.database import Migration

MIGRATIONS: Final = (
    Migration(
        "registry",
        1,
        """
        CREATE TABLE registry_links (
            repository TEXT NOT NULL,
            digest TEXT NOT NULL,
            size INTEGER NOT NULL,
            used INTEGER NOT NULL,
            PRIMARY KEY (repository, digest)
        ) WITHOUT ROWID;
        CREATE INDEX registry_links_digest ON registry_links (digest);
        CREATE TABLE registry_manifests (
            repository TEXT NOT NULL,
            digest TEXT NOT NULL,
            media_type TEXT NOT NULL,
            size INTEGER NOT NULL,
            subject TEXT,
            artifact_type TEXT NOT NULL,
            annotations TEXT NOT NULL,
            pushed INTEGER NOT NULL,
            used INTEGER NOT NULL,
            PRIMARY KEY (repository, digest)
        ) WITHOUT ROWID;
        CREATE INDEX registry_manifests_digest ON registry_manifests (digest);
        CREATE INDEX registry_manifests_subject ON registry_manifests (repository, subject) WHERE subject IS NOT NULL;
        CREATE TABLE registry_references (
            repository TEXT NOT NULL,
            manifest TEXT NOT NULL,
            digest TEXT NOT NULL,
            kind TEXT NOT NULL,
            PRIMARY KEY (repository, manifest, digest, kind),
            FOREIGN KEY (repository, manifest) REFERENCES registry_manifests (repository, digest) ON DELETE CASCADE
        ) WITHOUT ROWID;
        CREATE INDEX registry_references_digest ON registry_references (repository, digest);
        CREATE TABLE registry_tags (
            repository TEXT NOT NULL,
            name TEXT NOT NULL,
            digest TEXT NOT NULL,
            updated INTEGER NOT NULL,
            PRIMARY KEY (repository, name),
            FOREIGN KEY (repository, digest) REFERENCES registry_manifests (repository, digest) ON DELETE CASCADE
        ) WITHOUT ROWID;
        CREATE INDEX registry_tags_digest ON registry_tags (repository, digest)
        """,
    ),
)
