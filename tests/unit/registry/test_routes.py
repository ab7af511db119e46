from __future__ import annotations

import pytest

from corral.registry.web.routes import Page, Route, parse_path

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2/", Route(Page.BASE)),
        ("/v2", Route(Page.BASE)),
        ("/v2/_catalog", Route(Page.CATALOG)),
        ("/v2/a/tags/list", Route(Page.TAGS, "a")),
        ("/v2/a/b/c/manifests/latest", Route(Page.MANIFEST, "a/b/c", "latest")),
        (f"/v2/a/blobs/{DIGEST}", Route(Page.BLOB, "a", DIGEST)),
        ("/v2/a/blobs/sha256%3A" + "a" * 64, Route(Page.BLOB, "a", DIGEST)),
        ("/v2/a/blobs/uploads/", Route(Page.UPLOADS, "a")),
        ("/v2/a/blobs/uploads", Route(Page.UPLOADS, "a")),
        ("/v2/a/blobs/uploads/id", Route(Page.UPLOAD, "a", "id")),
        (f"/v2/a/referrers/{DIGEST}", Route(Page.REFERRERS, "a", DIGEST)),
        # a repository may be called like an endpoint
        ("/v2/manifests/manifests/manifests", Route(Page.MANIFEST, "manifests", "manifests")),
        ("/v2/a/manifests/b/tags/list", Route(Page.TAGS, "a/manifests/b")),
        ("/v2/a/blobs/uploads/tags/list", Route(Page.TAGS, "a/blobs/uploads")),
        ("/v2/tags/tags/list", Route(Page.TAGS, "tags")),
    ],
)
def test_a_path_is_read_from_its_end(path: str, route: Route) -> None:
    assert parse_path(path) == route


@pytest.mark.parametrize("path", ["/v1/a", "/v2/a", "/v2/a/manifests/", "/v2/tags/list", "/v2/a/else/b", "", "v2/"])
def test_what_is_no_page_is_none(path: str) -> None:
    assert parse_path(path) is None
