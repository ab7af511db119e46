"""Routes as data."""

import pytest

from corral.api.server.router import Route, Router


async def one(request):
    raise AssertionError


async def two(request):
    raise AssertionError


ROUTER = Router(
    [
        Route("GET", "/containers/json", one),
        Route("GET", "/containers/{id}/json", two),
        Route("GET", "/images/get", one),
        Route("GET", "/images/{name:path}/get", two),
        Route("DELETE", "/images/{name:path}", two),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "endpoint", "parameters"),
    [
        ("GET", "/containers/json", one, {}),
        ("GET", "/containers/abc/json", two, {"id": "abc"}),
        ("GET", "/images/get", one, {}),
        ("GET", "/images/a.b:5000/c/d:tag@sha256:00/get", two, {"name": "a.b:5000/c/d:tag@sha256:00"}),
        ("DELETE", "/images/a/b", two, {"name": "a/b"}),
    ],
)
def test_the_route_and_what_its_pattern_matched(method, path, endpoint, parameters):
    assert ROUTER.find(method, path) == (endpoint, parameters)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/containers/json"),
        ("GET", "/containers/a/b/json"),
        ("GET", "/containers//json"),
        ("GET", "/containers/json/"),
        ("GET", "/images//get"),
        ("GET", "/"),
        ("GET", ""),
        ("DELETE", "/images/"),
    ],
)
def test_nothing_else_matches(method, path):
    assert ROUTER.find(method, path) is None
