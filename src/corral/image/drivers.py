"""Which storage driver a data root was made with. What one driver has stored, another cannot read."""

from __future__ import annotations

from pathlib import Path

from corral.errors import Invalid
from corral.image.schema import MIGRATIONS
from corral.store.database import Database


def recorded(database: Database) -> set[str]:
    """The drivers that layers, images and containers of this data root are recorded for."""
    database.migrate(MIGRATIONS)
    query = "SELECT driver FROM layers UNION SELECT driver FROM images UNION SELECT driver FROM rw_layers"
    return {row["driver"] for row in database.read(query)}


def prior(database: Database) -> str | None:
    """The one driver that this data root was made with; None for a new one, or when there are several."""
    drivers = recorded(database)
    return drivers.pop() if len(drivers) == 1 else None


def refuse_other(database: Database, root: Path, name: str) -> None:
    """Raises Invalid when the data root was made with other drivers than ``name``."""
    drivers = recorded(database)
    if drivers and name not in drivers:
        made = " and ".join(sorted(drivers))
        raise Invalid(
            f"{root} was made with storage driver {made} and cannot be used with {name}, which would show none of its "
            f"images and containers: start with --storage-driver {sorted(drivers)[0]}, or give {name} a data root of "
            f"its own (save the images and load them there)"
        )
