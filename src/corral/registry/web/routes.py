"""Paths of the API. A repository's name has slashes of its own, so a path is read from its end.

Source: OCI distribution-spec 1.1, "Endpoints"; the catalog and the token endpoint are those of the reference registry.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

__all__ = ["Page", "Route", "parse_path"]


class Page(enum.Enum):
    ROOT = "root"
    BASE = "base"
    CATALOG = "catalog"
    TAGS = "tags"
    MANIFEST = "manifest"
    BLOB = "blob"
    UPLOADS = "uploads"
    UPLOAD = "upload"
    REFERRERS = "referrers"
    TOKEN = "token"  # noqa: S105 (a path)
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Route:
    """``argument`` is the tag, digest or upload id. Neither it nor ``repository`` has been checked."""

    page: Page
    repository: str = ""
    argument: str = ""


_PREFIX: Final = "/v2/"
_FIXED: Final = {
    "/": Route(Page.ROOT),
    "/v2": Route(Page.BASE),
    "/v2/": Route(Page.BASE),
    "/v2/_catalog": Route(Page.CATALOG),
    "/token": Route(Page.TOKEN),
    "/metrics": Route(Page.METRICS),
}
_BY_WORD: Final = {"manifests": Page.MANIFEST, "blobs": Page.BLOB, "referrers": Page.REFERRERS}


def parse_path(path: str) -> Route | None:
    """``path`` as it stands in the request line, without the query. None: there is no such page."""
    if "%" in path:
        path = unquote(path, errors="replace")
    fixed = _FIXED.get(path)
    if fixed is not None:
        return fixed
    if not path.startswith(_PREFIX):
        return None
    rest, _, argument = path[len(_PREFIX) :].rpartition("/")
    name, _, word = rest.rpartition("/")
    if word == "uploads" and name.endswith("/blobs"):
        repository = name.removesuffix("/blobs")
        return Route(Page.UPLOAD, repository, argument) if argument else Route(Page.UPLOADS, repository)
    if word == "blobs" and argument == "uploads":
        return Route(Page.UPLOADS, name)
    if word == "tags" and argument == "list" and name:
        return Route(Page.TAGS, name)
    page = _BY_WORD.get(word)
    return Route(page, name, argument) if page and name and argument else None
