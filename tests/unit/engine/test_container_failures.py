"""A step fails: everything before it is undone in reverse, both errors are kept, the container can be used again."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from corral.api.types.container import AttachOptions
from corral.api.types.host_config import DeviceMapping, RestartPolicy
from corral.engine.container.record import Status
from corral.errors import CorralError, Exhausted, Internal, Invalid
from corral.runtime.driver import StartError
from unit.engine.fakes import World, build_world

MISSING = 'exec: "foo": executable file not found in $PATH'


@pytest.mark.parametrize("step", ["images.create_rw_layer", "volumes.attach"])
async def test_a_create_that_fails_leaves_nothing(world: World, step: str) -> None:
    world.journal.fail(step, Exhausted("no space left on device"))
    with pytest.raises(Exhausted):
        await world.create("web", volumes={"/data": {}})
    assert len(world.engine.store) == 0
    assert world.images.layers == set()
    assert world.volumes.references == {}
    assert os.listdir(world.engine.data.containers) == []
    await world.create("web")


async def test_a_create_whose_record_cannot_be_written_leaves_nothing(world: World) -> None:
    world.database.submit(lambda db: db.execute("DROP TABLE container")).result(5)
    with pytest.raises(Exception, match="no such table"):
        await world.create("web")
    assert world.images.layers == set()
    assert os.listdir(world.engine.data.containers) == []
    assert world.engine.store.name_is_free("web")


@pytest.mark.parametrize("step", ["images.rootfs", "volumes.mount", "networks.allocate", "driver.run"])
async def test_a_start_that_fails_releases_what_it_took(world: World, step: str) -> None:
    id = await world.create("web", volumes={"/data": {}})
    world.journal.fail(step, Exhausted("none left"))
    with pytest.raises(Exhausted, match="none left"):
        await world.service.start("web")
    record = world.engine.store.find("web")
    assert record.status is Status.CREATED
    assert (record.state.exit_code, record.state.error, record.state.network) == (128, "none left", None)
    assert world.networks.live == {}
    assert world.driver.states == {}
    assert "start" not in world.actions()
    await world.service.start("web")
    assert world.engine.store.find(id).state.error == ""


async def test_steps_are_undone_in_reverse(world: World) -> None:
    await world.create("web")
    world.journal.calls.clear()
    world.journal.fail("driver.run", Internal("broken"))
    with pytest.raises(Internal):
        await world.service.start("web")
    assert world.journal.names() == [
        "images.rootfs",
        "networks.allocate",
        "driver.run",
        "driver.delete",
        "networks.release",
    ]


async def test_an_error_while_undoing_is_kept_beside_the_first(world: World) -> None:
    await world.create("web")
    world.journal.fail("driver.run", Internal("broken"))
    world.journal.fail("networks.release", OSError(5, "the bridge is gone"))
    with pytest.raises(Internal, match="broken") as error:
        await world.service.start("web")
    assert any("the bridge is gone" in note for note in error.value.__notes__)


@pytest.mark.parametrize(("code", "recorded", "kind"), [(127, 127, Invalid), (126, 126, Invalid), (125, 128, Internal)])
async def test_a_program_that_cannot_be_executed_is_recorded_as_docker_does(
    world: World, code: int, recorded: int, kind: type[CorralError]
) -> None:
    await world.create("web")
    world.journal.fail("driver.run", StartError(MISSING, code))
    with pytest.raises(kind, match="executable file not found in"):
        await world.service.start("web")
    state = (await world.service.inspect("web", False)).state
    assert (state.status, state.exit_code) == ("created", recorded)
    assert state.error.startswith("failed to create task for container: exec: ")
    assert state.error.endswith(MISSING)


async def test_a_container_that_removes_itself_goes_when_it_cannot_start(world: World) -> None:
    id = await world.create("once", auto_remove=True)
    removed = await world.service.wait(id, "removed")
    world.journal.fail("driver.run", StartError(MISSING, 127))
    with pytest.raises(Invalid):
        await world.service.start("once")
    assert (await removed).status_code == 127
    assert len(world.engine.store) == 0


async def test_a_container_that_removes_itself_goes_after_a_fault_of_the_engine(world: World) -> None:
    id = await world.create("once", auto_remove=True)
    removed = await world.service.wait(id, "removed")
    world.journal.fail("driver.run", ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await world.service.start("once")
    assert (await removed).status_code == 128
    assert len(world.engine.store) == 0


async def test_a_device_that_is_missing_fails_the_start_and_not_the_create(world: World) -> None:
    await world.create("web", devices=[DeviceMapping("/dev/nosuch", "/dev/nosuch", "rwm")])
    with pytest.raises(Invalid) as error:
        await world.service.start("web")
    assert str(error.value) == (
        'error gathering device information while adding custom device "/dev/nosuch": no such file or directory'
    )


async def test_clients_that_wait_attached_are_let_go_when_the_start_fails(world: World) -> None:
    await world.create("web")
    ours, theirs = socket.socketpair()

    async def upgrade(multiplexed: bool) -> tuple[int, bytes]:
        return theirs.detach(), b""

    await world.service.attach("web", AttachOptions(stream=True, stdout=True), upgrade)
    world.journal.fail("networks.allocate", Exhausted("none left"))
    with pytest.raises(Exhausted):
        await world.service.start("web")
    ours.settimeout(5)
    assert ours.recv(1) == b""
    ours.close()


async def test_cleaning_up_that_fails_after_an_exit_does_not_keep_the_container_running(world: World) -> None:
    id = await world.run("web")
    world.journal.fail("networks.release", OSError(5, "the bridge is gone"))
    world.driver.end(id, 0)
    await world.runtime_events.settle()
    assert world.engine.store.find("web").status is Status.EXITED


async def test_a_restart_by_policy_that_fails_ends_in_exited(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corral.engine.container.live.Backoff.FIRST", 1000.0)
    id = await world.run("web", restart_policy=RestartPolicy("always"))
    world.journal.fail("networks.allocate", Exhausted("none left"))
    world.driver.end(id, 1)
    await world.runtime_events.settle()
    await world.end_back_off(id)
    record = world.engine.store.find("web")
    assert (record.status, record.state.error) == (Status.EXITED, "none left")


async def test_records_survive_the_daemon(world: World, tmp_path: Path) -> None:
    id = await world.run("web", labels={"a": "b"})
    await world.service.rename("web", "shop")
    before = world.engine.store.find(id)
    world.database.submit(lambda db: None).result(5)
    again = build_world(tmp_path)
    assert again.engine.store.find("shop") == before
    again.database.close()
