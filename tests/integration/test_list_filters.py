"""``docker ps``: filters, order, limits, sizes, and what a line says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.host import TestHost

NAMES = ("web", "db", "job", "frozen")


@pytest.fixture(scope="module")
def some(host: TestHost) -> Iterator[TestHost]:
    """web runs, db was created, job has exited with 3, frozen is paused."""
    host.docker("run", "-d", "--name", "web", "-p", "18099:80", "-l", "tier=front", "busybox", "sleep", "1000")
    host.docker("create", "--name", "db", "--network", "none", "-l", "tier=back", "--expose", "5432", "busybox")
    host.docker("run", "--name", "job", "-v", "lf-vol:/data", "busybox", "sh", "-c", "exit 3", check=False)
    host.docker("run", "-d", "--name", "frozen", "busybox", "sleep", "1000")
    host.docker("pause", "frozen")
    yield host
    host.docker("rm", "-f", "-v", *NAMES)
    host.docker("volume", "rm", "lf-vol")


def names(host: TestHost, *arguments: str) -> list[str]:
    return host.docker("ps", "--format", "{{.Names}}", *arguments).stdout.split()


def test_only_what_runs_the_newest_first(some: TestHost) -> None:
    assert names(some) == ["frozen", "web"]
    assert names(some, "-a") == ["frozen", "job", "db", "web"]
    assert names(some, "-n", "2") == ["frozen", "job"]
    assert names(some, "-l") == ["frozen"]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("name=web", ["web"]),
        ("name=^/web$", ["web"]),
        ("name=e", ["frozen", "web"]),
        ("label=tier", ["db", "web"]),
        ("label=tier=back", ["db"]),
        ("status=paused", ["frozen"]),
        ("status=created", ["db"]),
        ("exited=3", ["job"]),
        ("ancestor=busybox", ["frozen", "job", "db", "web"]),
        ("ancestor=nosuch", []),
        ("before=job", ["db", "web"]),
        ("since=db", ["frozen", "job"]),
        ("expose=5432", ["db"]),
        ("publish=80", ["web"]),
        ("network=none", ["db"]),
        ("network=bridge", ["frozen", "job", "web"]),
        ("volume=lf-vol", ["job"]),
        ("volume=/data", ["job"]),
        ("is-task=false", ["frozen", "job", "db", "web"]),
        ("health=none", ["frozen", "job", "db", "web"]),
    ],
)
def test_filters(some: TestHost, filter: str, expected: list[str]) -> None:
    assert names(some, "-a", "--filter", filter) == expected


def test_different_filters_must_all_hold_and_equal_ones_any(some: TestHost) -> None:
    assert names(some, "-a", "--filter", "name=web", "--filter", "name=db") == ["db", "web"]
    assert names(some, "-a", "--filter", "name=web", "--filter", "status=exited") == []
    assert names(some, "-a", "--filter", "label=tier", "--filter", "label=tier=back") == ["db"]


def test_an_unknown_filter_is_refused(some: TestHost) -> None:
    assert "invalid filter 'foo'" in some.docker("ps", "--filter", "foo=x", check=False).stderr


def test_a_line_says_what_is_the_matter(some: TestHost) -> None:
    fields = "{{.Names}}|{{.Command}}|{{.State}}|{{.Status}}|{{.Ports}}|{{.Mounts}}|{{.Networks}}"
    lines = dict(
        line.split("|", 1) for line in some.docker("ps", "-a", "--no-trunc", "--format", fields).stdout.splitlines()
    )
    assert lines["web"].startswith('"sleep 1000"|running|Up ')
    assert "0.0.0.0:18099->80/tcp" in lines["web"]
    assert lines["db"] == '"sh"|created|Created|||none'
    assert lines["job"].startswith("\"sh -c 'exit 3'\"|exited|Exited (3) ")
    assert lines["job"].endswith("|lf-vol|bridge")
    assert "(Paused)" in lines["frozen"]


def test_sizes_are_of_the_containers_own_files(some: TestHost) -> None:
    some.docker("exec", "web", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=3")
    size = some.docker("ps", "-s", "--filter", "name=web", "--format", "{{.Size}}").stdout
    assert size.startswith(("3.15MB", "3.1")), size
