"""corral system df -v: every image, container, volume and build cache with its size."""

from __future__ import annotations

from collections.abc import Sequence

from corral.cli.container.ls import VIEW as CONTAINERS
from corral.cli.container.ls import Item as ContainerItem
from corral.cli.errors import CliError
from corral.cli.format import Column, View, default_table
from corral.cli.image.ls import COLUMNS as IMAGE_COLUMNS
from corral.cli.image.rows import items as image_items
from corral.cli.output import Output
from corral.cli.text import short_id
from corral.cli.units import ago, decimal_size, parse_rfc3339
from corral.cli.volume.ls import VIEW as VOLUMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import BuildCache, ContainerSummary, DiskUsage

IMAGES = View(
    "*formatter.imageContext",
    IMAGE_COLUMNS,
    ("Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers"),
)


def _since(text: str | None) -> str:
    moment = parse_rfc3339(text or "")
    return ago(moment) if moment is not None else ""


def _id(cache: BuildCache) -> str:
    return short_id(cache.get("ID", ""))


CACHE = View(
    "*formatter.buildCacheContext",
    {
        "ID": Column("CACHE ID", _id),
        "CacheType": Column("CACHE TYPE", lambda cache: cache.get("Type", "")),
        "Size": Column("SIZE", lambda cache: decimal_size(cache.get("Size", 0), 3)),
        "CreatedSince": Column("CREATED", lambda cache: _since(cache.get("CreatedAt"))),
        "LastUsedSince": Column("LAST USED", lambda cache: _since(cache.get("LastUsedAt"))),
        "UsageCount": Column("USAGE", lambda cache: str(cache.get("UsageCount", 0))),
        "Shared": Column("SHARED", lambda cache: "true" if cache.get("Shared") else "false"),
    },
    ("ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared"),
)


def write(out: Output, usage: DiskUsage, layout: str) -> None:
    """Raises CliError for a format other than "table" and "json"."""
    if layout not in ("", "table", "json"):
        raise CliError('system df -v: --format takes "table" or "json"')
    containers = View("", CONTAINERS.columns, _CONTAINER_COLUMNS)
    volumes = View("", VOLUMES.columns, ("Name", "Links", "Size"))
    caches = usage.get("BuildCache") or []
    parts: list[tuple[str, str, View, Sequence[object]]] = [
        ("Images", "Images space usage:", IMAGES, _images(usage, truncate=layout != "json")),
        (
            "Containers",
            "Containers space usage:",
            containers,
            [_container(item, truncate=layout != "json") for item in usage.get("Containers") or []],
        ),
        ("Volumes", "Local Volumes space usage:", volumes, usage.get("Volumes") or []),
        ("BuildCache", f"Build cache usage: {_total(caches)}", CACHE, caches),
    ]
    if layout == "json":
        _json(out, parts)
        return
    for _, title, view, rows in parts:
        lead = "" if view is IMAGES else "\n"
        out.write(f"{lead}{title}\n\n{default_table(view, rows)}")


_CONTAINER_COLUMNS = ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names")


def _container(container: ContainerSummary, *, truncate: bool) -> ContainerItem:
    """Only what is its own: the image is counted as an image."""
    return ContainerItem({**container, "SizeRootFs": 0}, truncate=truncate)


def _images(usage: DiskUsage, *, truncate: bool) -> Sequence[object]:
    return image_items(usage.get("Images") or [], truncate=truncate, digests=False)


def _total(caches: Sequence[BuildCache]) -> str:
    return decimal_size(sum(cache.get("Size", 0) for cache in caches if not cache.get("Shared")))


def _json(out: Output, parts: list[tuple[str, str, View, Sequence[object]]]) -> None:
    from corral.cli.rows import Row
    from corral.cli.template.values import encode

    shown = (
        f'"{name}":[{",".join(encode(Row(view, row), html=True) for row in rows)}]' for name, _, view, rows in parts
    )
    out.line("{" + ",".join(shown) + "}")
