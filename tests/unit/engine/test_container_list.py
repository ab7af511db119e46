"""``docker ps``: which, in which order, and in which words."""

from __future__ import annotations

import pytest

from corral.api.types.host_config import PortBinding
from corral.engine.container.phrases import human_duration
from corral.errors import Invalid, NotFound
from unit.engine.fakes import World


async def names(world: World, all: bool = True, limit: int = 0, **filters: list[str]) -> list[str]:
    wanted = {name.replace("_", "-"): values for name, values in filters.items()}
    return [item.names[0][1:] for item in await world.service.list(all, limit, False, wanted)]


@pytest.fixture
async def some(world: World) -> World:
    """web runs, db is created, job has exited with 3."""
    await world.run("web", labels={"tier": "front", "x": "1"}, port_bindings={"80/tcp": [PortBinding("", "8080")]})
    await world.create("db", labels={"tier": "back"}, network_mode="none", exposed_ports={"5432/tcp": {}})
    id = await world.run("job", binds=["/tmp:/data"])
    world.driver.end(id, 3)
    await world.runtime_events.settle()
    return world


async def test_only_running_ones_unless_all_the_newest_first(some: World) -> None:
    assert await names(some, all=False) == ["web"]
    assert await names(some) == ["job", "db", "web"]
    assert await names(some, all=False, limit=2) == ["job", "db"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"name": ["^web$"]}, ["web"]),
        ({"name": ["^/web$"]}, ["web"]),
        ({"name": ["b"]}, ["job", "db", "web"]),
        ({"name": ["["]}, []),
        ({"label": ["tier"]}, ["db", "web"]),
        ({"label": ["tier=front", "x"]}, ["web"]),
        ({"status": ["exited", "created"]}, ["job", "db"]),
        ({"exited": ["3"]}, ["job"]),
        ({"exited": ["0"]}, []),
        ({"ancestor": ["busybox"]}, ["job", "db", "web"]),
        ({"ancestor": ["nosuch"]}, []),
        ({"before": ["job"]}, ["db", "web"]),
        ({"since": ["web"]}, ["job", "db"]),
        ({"expose": ["5432/tcp"]}, ["db"]),
        ({"expose": ["80"]}, ["web"]),
        ({"publish": ["80/tcp"]}, ["web"]),
        ({"publish": ["70-90"]}, ["web"]),
        ({"network": ["none"]}, ["db"]),
        ({"network": ["bridge"]}, ["job", "web"]),
        ({"network": ["n" * 64]}, ["web"]),
        ({"volume": ["/data"]}, ["job"]),
        ({"volume": ["/tmp"]}, ["job"]),
        ({"health": ["none"]}, ["job", "db", "web"]),
        ({"health": ["healthy"]}, []),
        ({"is_task": ["false"]}, ["job", "db", "web"]),
        ({"isolation": ["default"]}, ["job", "db", "web"]),
        ({"name": ["web"], "status": ["exited"]}, []),
    ],
)
async def test_filters(some: World, filters: dict[str, list[str]], expected: list[str]) -> None:
    assert await names(some, **filters) == expected


async def test_ids_are_compared_from_their_beginning(some: World) -> None:
    id = some.engine.store.find("db").id
    assert await names(some, id=[id[:7]]) == ["db"]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"foo": ["x"]}, "invalid filter 'foo'"),
        ({"status": ["foo"]}, "invalid filter 'status=foo'"),
        ({"exited": ["foo"]}, "invalid filter 'exited=foo'"),
        ({"health": ["foo"]}, "invalid filter 'health=foo'"),
        ({"publish": ["foo"]}, "invalid port specification: foo"),
    ],
)
async def test_filters_that_make_no_sense_are_refused(some: World, filters: dict[str, list[str]], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        await some.service.list(True, 0, False, filters)


async def test_a_border_that_does_not_exist_is_not_found(some: World) -> None:
    with pytest.raises(NotFound, match="No such container: nosuch"):
        await names(some, before=["nosuch"])


async def test_a_line_has_everything_the_client_shows(some: World) -> None:
    some.advance(120)
    web, _, job = sorted(await some.service.list(True, 0, True, {}), key=lambda item: item.names, reverse=True)
    assert (web.image, web.command, web.state, web.status) == ("busybox", "sleep 9", "running", "Up 2 minutes")
    assert [(port.private_port, port.public_port, port.type) for port in web.ports] == [(80, 8080, "tcp")]
    assert web.labels == {"tier": "front", "x": "1"}
    assert (web.size_rw, web.size_root_fs) == (10, 1010)
    assert web.network_settings.networks["bridge"].ip_address == "172.17.0.2"
    job = next(item for item in await some.service.list(True, 0, False, {}) if item.names == ["/job"])
    assert job.status == "Exited (3) 2 minutes ago"
    assert [mount.destination for mount in job.mounts] == ["/data"]


async def test_arguments_with_spaces_are_quoted_for_people(world: World) -> None:
    await world.create("web", cmd=["sh", "-c", "echo hi"])
    (line,) = await world.service.list(True, 0, False, {})
    assert (line.command, line.status) == ("sh -c 'echo hi'", "Created")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (120, "2 minutes"),
        (3600, "About an hour"),
        (2 * 3600, "2 hours"),
        (47 * 3600, "47 hours"),
        (49 * 3600, "2 days"),
        (20 * 86400, "2 weeks"),
        (90 * 86400, "3 months"),
        (3 * 365 * 86400, "3 years"),
    ],
)
def test_durations_for_people(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text
