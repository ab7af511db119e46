"""Create, start, stop, kill, restart, pause, rename, remove: states, answers and events."""

from __future__ import annotations

import asyncio

import pytest

from corral.api.types.host_config import RestartPolicy
from corral.engine.container.record import Status
from corral.errors import Conflict, Internal, Invalid, NotFound, NotModified
from unit.engine.fakes import World


async def test_create_makes_a_directory_a_layer_and_a_record_but_runs_nothing(world: World) -> None:
    id = await world.create("web", labels={"a": "b"})
    record = world.engine.store.find("web")
    assert (record.id, record.status) == (id, Status.CREATED)
    assert world.engine.data.container(id).is_dir()
    assert world.images.layers == {id}
    assert world.journal.names() == ["images.create_rw_layer"]
    assert world.news == [("container", "create", {"a": "b", "image": "busybox", "name": "web"})]


async def test_create_without_a_name_makes_one_up(world: World) -> None:
    id = await world.create()
    adjective, _, surname = world.engine.store.find(id).name.partition("_")
    assert adjective and surname


async def test_create_of_a_missing_image_says_so_before_the_name_is_looked_at(world: World) -> None:
    await world.create("web")
    with pytest.raises(NotFound, match="No such image: nosuch:latest"):
        await world.create("web", image="nosuch")


async def test_create_with_a_taken_name_names_the_holder(world: World) -> None:
    id = await world.create("web")
    with pytest.raises(Conflict) as error:
        await world.create("web")
    assert str(error.value) == (
        f'Conflict. The container name "/web" is already in use by container "{id}". '
        "You have to remove (or rename) that container to be able to reuse that name."
    )


async def test_start_records_pid_time_and_network(world: World) -> None:
    id = await world.run("web")
    state = (await world.service.inspect("web", False)).state
    assert (state.status, state.running, state.pid, state.exit_code) == ("running", True, 100, 0)
    settings = (await world.service.inspect(id, False)).network_settings
    assert settings.ip_address == settings.networks["bridge"].ip_address == "172.17.0.2"
    assert world.actions() == ["create", "start"]


async def test_start_of_a_running_container_is_not_modified(world: World) -> None:
    await world.run("web")
    with pytest.raises(NotModified):
        await world.service.start("web")


async def test_an_exit_cleans_up_and_is_told_with_code_and_duration(world: World) -> None:
    id = await world.run("web")
    world.advance(3)
    world.driver.end(id, 3)
    await world.runtime_events.settle()
    state = (await world.service.inspect("web", False)).state
    assert (state.status, state.exit_code, state.pid) == ("exited", 3, 0)
    assert world.driver.states == {} and world.networks.live == {}
    die = world.attributes("die")
    assert (die["exitCode"], die["execDuration"]) == ("3", "3")


async def test_an_exit_code_that_nobody_knows_is_said_to_be_unknown(world: World) -> None:
    id = await world.run("web")
    world.driver.end(id, None)
    await world.runtime_events.settle()
    state = (await world.service.inspect("web", False)).state
    assert state.exit_code == 255
    assert state.error.startswith("exit status unknown")


async def test_an_exited_container_starts_again(world: World) -> None:
    id = await world.run("web")
    world.driver.end(id, 0)
    await world.runtime_events.settle()
    await world.service.start("web")
    assert world.engine.store.find(id).status is Status.RUNNING


async def test_a_container_that_removes_itself_frees_its_name_and_wakes_its_waiters(world: World) -> None:
    id = await world.create("once", auto_remove=True)
    removed = await world.service.wait(id, "removed")
    await world.service.start(id)
    world.driver.end(id, 7)
    assert (await removed).status_code == 7
    assert len(world.engine.store) == 0
    assert world.images.layers == set()
    assert not world.engine.data.container(id).exists()
    assert world.actions() == ["create", "start", "die", "destroy"]
    await world.create("once")


async def test_stop_signals_waits_and_tells_in_order(world: World) -> None:
    await world.run("web")
    await world.service.stop("web", 5, None)
    state = (await world.service.inspect("web", False)).state
    assert (state.status, state.exit_code) == ("exited", 143)
    assert world.actions() == ["create", "start", "kill", "die", "stop"]
    assert world.attributes("kill")["signal"] == "15"


async def test_stop_kills_what_does_not_listen(world: World) -> None:
    await world.run("web")
    world.driver.deadly = {9}
    await world.service.stop("web", 0, None)
    assert world.engine.store.find("web").state.exit_code == 137
    assert [call for call in world.journal.calls if call.startswith("driver.kill")] == [
        "driver.kill 15",
        "driver.kill 9",
    ]


async def test_stop_uses_the_containers_own_signal_and_timeout(world: World) -> None:
    await world.run("web", stop_signal="SIGUSR1", stop_timeout=0)
    await world.service.stop("web", None, None)
    assert world.attributes("kill")["signal"] == "10"
    assert world.engine.store.find("web").state.exit_code == 137


async def test_stop_of_a_stopped_container_is_not_modified(world: World) -> None:
    await world.create("web")
    with pytest.raises(NotModified):
        await world.service.stop("web", None, None)


async def test_stop_resumes_a_paused_container_so_that_it_hears_the_signal(world: World) -> None:
    id = await world.run("web")
    await world.service.pause("web")
    stopping = asyncio.create_task(world.service.stop("web", 5, None))
    while "driver.resume" not in world.journal.names():  # noqa: ASYNC110
        await asyncio.sleep(0)
    world.driver.end(id, 143)
    await stopping
    assert world.engine.store.find("web").status is Status.EXITED


async def test_kill_reports_the_reference_that_was_used(world: World) -> None:
    with pytest.raises(NotFound, match="cannot kill container: nosuch: No such container: nosuch"):
        await world.service.kill("nosuch", "KILL")
    id = await world.create("web")
    with pytest.raises(Conflict, match=f"cannot kill container: web: container {id} is not running"):
        await world.service.kill("web", "KILL")


async def test_kill_with_another_signal_leaves_it_running(world: World) -> None:
    await world.run("web")
    await world.service.kill("web", "USR1")
    assert world.engine.store.find("web").status is Status.RUNNING
    assert world.attributes("kill")["signal"] == "10"


async def test_kill_returns_when_the_container_has_ended(world: World) -> None:
    await world.run("web")
    await world.service.kill("web", "")
    assert world.engine.store.find("web").status is Status.EXITED


async def test_restart_stops_and_starts_and_keeps_a_container_that_removes_itself(world: World) -> None:
    id = await world.run("web", auto_remove=True)
    await world.service.restart("web", 0, None)
    assert world.engine.store.find("web").id == id
    assert world.engine.store.find("web").status is Status.RUNNING
    assert world.actions() == ["create", "start", "kill", "die", "stop", "start", "restart"]


async def test_restart_starts_a_container_that_did_not_run(world: World) -> None:
    await world.create("web")
    await world.service.restart("web", 0, None)
    assert world.engine.store.find("web").status is Status.RUNNING


async def test_pause_and_unpause(world: World) -> None:
    id = await world.run("web")
    await world.service.pause("web")
    state = (await world.service.inspect("web", False)).state
    assert (state.status, state.running, state.paused) == ("paused", True, True)
    with pytest.raises(Conflict, match="cannot start a paused container, try unpause instead"):
        await world.service.start("web")
    await world.service.unpause("web")
    with pytest.raises(Internal, match=f"Container {id} is not paused"):
        await world.service.unpause("web")
    assert world.actions()[-2:] == ["pause", "unpause"]


async def test_rename_frees_the_old_name_at_once(world: World) -> None:
    await world.create("old")
    await world.service.rename("old", "new")
    await world.create("old")
    assert world.attributes("rename") == {"image": "busybox", "name": "new", "oldName": "/old"}
    with pytest.raises(Conflict, match='name "/new" is already in use'):
        await world.service.rename("old", "new")
    with pytest.raises(Invalid, match="Renaming a container with the same name"):
        await world.service.rename("new", "new")


async def test_remove_of_a_running_container_needs_force(world: World) -> None:
    await world.run("web")
    with pytest.raises(Conflict) as error:
        await world.service.remove("web", force=False, volumes=False, link=False)
    assert str(error.value) == (
        'cannot remove container "web": container is running: stop the container before removing or force remove'
    )
    await world.service.remove("web", force=True, volumes=False, link=False)
    assert len(world.engine.store) == 0
    assert world.actions() == ["create", "start", "kill", "die", "destroy"]


async def test_remove_of_a_paused_container_says_how_to_go_on(world: World) -> None:
    await world.run("web")
    await world.service.pause("web")
    with pytest.raises(Conflict, match="container is paused and must be unpaused first"):
        await world.service.remove("web", force=False, volumes=False, link=False)
    await world.service.remove("web", force=True, volumes=False, link=False)


async def test_forced_removal_of_a_container_that_removes_itself_succeeds(world: World) -> None:
    await world.run("web", auto_remove=True)
    await world.service.remove("web", force=True, volumes=False, link=False)
    assert len(world.engine.store) == 0


async def test_many_forced_removals_at_once_do_not_hinder_each_other(world: World) -> None:
    ids = [await world.run() for _ in range(32)]
    await asyncio.gather(*(world.service.remove(id, force=True, volumes=False, link=False) for id in ids))
    assert len(world.engine.store) == 0
    assert world.images.layers == set()


async def test_a_removal_that_fails_leaves_a_dead_container_that_can_be_removed(world: World) -> None:
    await world.create("web")
    world.journal.fail("images.remove_rw_layer", OSError(16, "device busy"))
    with pytest.raises(Exception, match="device busy"):
        await world.service.remove("web", force=False, volumes=False, link=False)
    assert world.engine.store.find("web").status is Status.DEAD
    await world.service.remove("web", force=False, volumes=False, link=False)
    assert len(world.engine.store) == 0


async def test_wait_for_not_running_answers_at_once_when_it_does_not_run(world: World) -> None:
    id = await world.create("web")
    assert (await (await world.service.wait("web", "not-running"))).status_code == 0
    waiting = await world.service.wait("web", "next-exit")
    await world.service.start("web")
    world.driver.end(id, 4)
    assert (await waiting).status_code == 4


async def test_wait_for_an_unknown_container_fails_at_once(world: World) -> None:
    with pytest.raises(NotFound, match="No such container: nosuch"):
        await world.service.wait("nosuch", "removed")


async def test_waiting_does_not_outlive_the_client(world: World) -> None:
    id = await world.run("web")
    waiting = asyncio.ensure_future(await world.service.wait("web", "next-exit"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    assert world.engine.live[world.engine.store.find(id).id].next_exit == []


async def test_an_oom_kill_is_told_and_remembered(world: World) -> None:
    id = await world.run("web")
    world.runtime_events.oom(id, "/corral")
    world.driver.end(id, 137)
    await world.runtime_events.settle()
    state = (await world.service.inspect("web", False)).state
    assert (state.oom_killed, state.oom_limit) == (True, "/corral")
    assert world.actions() == ["create", "start", "oom", "die"]


async def test_a_policy_brings_a_container_back_until_its_tries_are_used_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corral.engine.container.live.Backoff.FIRST", 1000.0)
    id = await world.run("web", restart_policy=RestartPolicy("on-failure", 2))
    for expected in (1, 2):
        waiting = await world.service.wait("web", "not-running")
        world.driver.end(id, 1)
        assert (await waiting).status_code == 1  # as Docker: each exit is one
        await world.runtime_events.settle()
        record = world.engine.store.find("web")
        assert (record.status, record.state.restart_count) == (Status.RESTARTING, expected)
        await world.end_back_off(id)
        assert world.engine.store.find("web").status is Status.RUNNING
    world.driver.end(id, 1)
    await world.runtime_events.settle()
    assert world.engine.store.find("web").status is Status.EXITED


async def test_success_does_not_restart_on_failure(world: World) -> None:
    id = await world.run("web", restart_policy=RestartPolicy("on-failure"))
    world.driver.end(id, 0)
    await world.runtime_events.settle()
    assert world.engine.store.find("web").status is Status.EXITED


@pytest.mark.parametrize("how", ["stop", "kill", "remove"])
async def test_a_container_between_two_tries_can_be_ended(
    world: World, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corral.engine.container.live.Backoff.FIRST", 1000.0)
    id = await world.run("web", restart_policy=RestartPolicy("always"))
    world.driver.end(id, 1)
    await world.runtime_events.settle()
    assert world.engine.store.find("web").status is Status.RESTARTING
    match how:
        case "stop":
            await world.service.stop("web", 0, None)
        case "kill":
            await world.service.kill("web", "KILL")
        case "remove":
            await world.service.remove("web", force=True, volumes=False, link=False)
            assert len(world.engine.store) == 0
            return
    assert world.engine.store.find("web").status is Status.EXITED


async def test_a_stopped_container_is_not_brought_back_by_its_policy(world: World) -> None:
    await world.run("web", restart_policy=RestartPolicy("always"))
    await world.service.stop("web", 5, None)
    assert world.engine.store.find("web").status is Status.EXITED


async def test_the_back_off_doubles_and_starts_anew_after_ten_calm_seconds(world: World) -> None:
    from corral.engine.container.live import Backoff

    delays = []
    backoff = Backoff()
    for ran_for in (0, 0, 0, 11, 0):
        backoff = backoff.after(ran_for)
        delays.append(backoff.delay)
    assert delays == [0.1, 0.2, 0.4, 0.1, 0.2]


async def test_resize_and_top_need_a_running_container(world: World) -> None:
    id = await world.create("web")
    with pytest.raises(Conflict, match=f"container {id} is not running"):
        await world.service.resize("web", 24, 80)
    with pytest.raises(Conflict, match=f"container {id} is not running"):
        await world.service.top("web", "")


async def test_size_is_only_measured_on_demand(world: World) -> None:
    await world.create("web")
    assert not (await world.service.inspect("web", False)).size_rw
    assert (await world.service.inspect("web", True)).size_root_fs == 1010
