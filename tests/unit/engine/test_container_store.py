"""Look-up by id, name and prefix; names; what the next daemon reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from corral.engine.container import names
from corral.engine.container.record import TRANSITIONS, ContainerID, ContainerRecord, State, Status
from corral.errors import Conflict, Internal, Invalid, NotFound
from unit.engine.fakes import World, build_world


async def test_a_container_is_found_by_name_slash_name_id_and_prefix(world: World) -> None:
    id = await world.create("web")
    find = world.engine.store.find
    assert [find(ref).id for ref in ("web", "/web", id, id[:12], id[:1])] == [id] * 5


async def test_a_name_wins_over_a_prefix(world: World) -> None:
    first = await world.create("web")
    second = await world.create(first[:4])
    assert world.engine.store.find(first[:4]).id == second
    assert world.engine.store.find(first[:5]).id == first


async def test_what_is_not_there_and_what_is_ambiguous(world: World) -> None:
    with pytest.raises(NotFound, match=r"^No such container: nosuch$"):
        world.engine.store.find("nosuch")
    with pytest.raises(Invalid, match="value is empty"):
        world.engine.store.find("")
    ids = [await world.create() for _ in range(17)]
    firsts = [id[0] for id in ids]
    prefix = next(first for first in firsts if firsts.count(first) > 1)
    with pytest.raises(Invalid, match=f"^multiple IDs found with provided prefix: {prefix}$"):
        world.engine.store.find(prefix)


async def test_a_claimed_name_is_taken_until_the_claim_fails(world: World) -> None:
    store = world.engine.store
    with pytest.raises(ZeroDivisionError), store.claim("web", ContainerID("a" * 64)):
        with pytest.raises(Conflict), store.claim("web", ContainerID("b" * 64)):
            pass
        raise ZeroDivisionError
    assert store.name_is_free("web")


async def test_a_failed_second_claim_does_not_free_the_name_of_the_first(world: World) -> None:
    await world.create("web")
    with pytest.raises(Conflict):
        await world.create("web")
    assert not world.engine.store.name_is_free("web")


async def test_a_name_is_free_the_moment_its_container_is_removed(world: World) -> None:
    id = await world.create("web")
    world.engine.store.remove(ContainerID(id), durable=True)
    with pytest.raises(NotFound):
        world.engine.store.find(id[:6])
    await world.create("web")


async def test_all_parts_of_a_record_reach_the_next_daemon(world: World, tmp_path: Path) -> None:
    from corral.api.types.host_config import PortBinding, RestartPolicy, Ulimit

    id = await world.create(
        "web",
        binds=["/tmp:/x:ro"],
        tmpfs={"/t": "size=1m"},
        port_bindings={"80/tcp": [PortBinding(host_port="8080")]},
        restart_policy=RestartPolicy("on-failure", 3),
        ulimits=[Ulimit("nofile", 10, 5)],
        sysctls={"net.ipv4.ip_forward": "1"},
        healthcheck=None,
        stop_timeout=3,
    )
    await world.service.start(id)
    before = world.engine.store.find(id)
    world.database.submit(lambda db: None).result(5)
    again = build_world(tmp_path)
    assert again.engine.store.find("web") == before
    again.database.close()


def test_every_status_can_be_left() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert all(TRANSITIONS.values())


async def test_a_move_that_the_table_does_not_have_is_refused(world: World) -> None:
    id = await world.create("web")
    record: ContainerRecord = world.engine.store.find(id)
    with pytest.raises(Internal, match="cannot go from created to paused"):
        record.with_state(status=Status.PAUSED)
    assert record.state == State()


@pytest.mark.parametrize("name", ["a", "-a", "a b", "a/b", "", "ä-b", "_x"])
def test_names_that_docker_refuses_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="only \\[a-zA-Z0-9\\]"):
        names.check(name)


@pytest.mark.parametrize("name", ["ab", "/web", "A.b_c-9", "0x"])
def test_names_that_docker_takes_are_taken(name: str) -> None:
    assert names.check(name) == name.removeprefix("/")


def test_generated_names_are_valid_and_avoid_taken_ones() -> None:
    taken: set[str] = set()
    for _ in range(500):
        name = names.generate(lambda candidate: candidate not in taken)
        assert names.check(name) == name
        taken.add(name)
    assert len(taken) == 500
