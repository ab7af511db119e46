"""Attach, logs and exec: what is checked before the connection is taken over, and who gets the socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from corral.api.types.container import AttachOptions, LogsOptions
from corral.api.types.exec import ExecCreateRequest, ExecStartRequest
from corral.api.types.host_config import LogConfig
from corral.engine.container import detachkeys
from corral.errors import Conflict, Invalid, NotFound, Unsupported
from corral.runtime.driver import StartError
from unit.engine.fakes import World


@dataclass
class Client:
    """Both ends of a connection, and whether it was taken over."""

    ours: socket.socket
    theirs: socket.socket
    multiplexed: list[bool] = field(default_factory=list)

    async def upgrade(self, multiplexed: bool) -> tuple[int, bytes]:
        self.multiplexed.append(multiplexed)
        return self.theirs.detach(), b"early"

    def received(self) -> bytes:
        parts = []
        while part := self.ours.recv(4096):
            parts.append(part)
        return b"".join(parts)


@pytest.fixture
def client() -> Iterator[Client]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    yield Client(ours, theirs)
    ours.close()
    theirs.close()


STREAMS = AttachOptions(stream=True, stdin=True, stdout=True, stderr=True)


async def test_attaching_before_the_start_misses_nothing(world: World, client: Client) -> None:
    id = await world.create("web", open_stdin=True)
    await world.service.attach("web", STREAMS, client.upgrade)
    assert world.driver.attached == []
    await world.service.start("web")
    ((attached_to, exec_id, attachment),) = world.driver.attached
    assert (attached_to, exec_id) == (id, None)
    assert (attachment.stdin, attachment.stdout, attachment.stderr) == (True, True, True)
    assert (attachment.initial_input, attachment.detach_keys) == (b"early", b"\x10\x11")
    assert client.multiplexed == [True]
    assert world.actions() == ["create", "attach", "start"]
    socket.close(attachment.fd)


async def test_attaching_to_a_running_terminal_is_not_multiplexed(world: World, client: Client) -> None:
    await world.run("web", tty=True)
    await world.service.attach("web", STREAMS, client.upgrade)
    assert client.multiplexed == [False]
    attachment = world.driver.attached[0][2]
    assert not attachment.stdin  # the container has no stdin to give
    socket.close(attachment.fd)


async def test_attaching_to_an_exited_container_waits_for_its_next_start(world: World, client: Client) -> None:
    id = await world.run("web")
    world.driver.end(id, 0)
    await world.runtime_events.settle()
    await world.service.attach("web", STREAMS, client.upgrade)
    await world.service.start("web")
    socket.close(world.driver.attached[0][2].fd)


async def test_clients_that_gave_up_waiting_are_forgotten(world: World, client: Client) -> None:
    id = await world.create("web")
    await world.service.attach("web", STREAMS, client.upgrade)
    client.ours.close()
    ours, theirs = socket.socketpair()
    await world.service.attach("web", STREAMS, Client(ours, theirs).upgrade)
    assert len(world.engine.live[world.engine.store.find(id).id].attachments) == 1
    await world.service.remove("web", force=False, volumes=False, link=False)
    assert ours.recv(1) == b""
    ours.close()


@pytest.mark.parametrize("logs_only", [True, False])
async def test_the_log_so_far_goes_through_the_same_socket(world: World, client: Client, logs_only: bool) -> None:
    await world.run("web")
    options = AttachOptions(stream=not logs_only, stdout=True, logs=True)
    await world.service.attach("web", options, client.upgrade)
    if not logs_only:
        socket.close(world.driver.attached[0][2].fd)
    assert client.received() == b"\x01\0\0\0\0\0\0\x06hello\n"


async def test_a_paused_container_cannot_be_attached_to(world: World, client: Client) -> None:
    await world.run("web")
    await world.service.pause("web")
    with pytest.raises(Conflict, match="is paused"):
        await world.service.attach("web", STREAMS, client.upgrade)
    assert client.multiplexed == []


async def test_malformed_detach_keys_are_refused_before_the_connection_is_taken_over(
    world: World, client: Client
) -> None:
    await world.run("web")
    with pytest.raises(Invalid, match="Invalid detach keys"):
        await world.service.attach("web", AttachOptions(stream=True, detach_keys="ctrl-!"), client.upgrade)
    assert client.multiplexed == []


def test_detach_keys() -> None:
    assert detachkeys.parse("ctrl-a,x,ctrl-\\,ctrl-@") == b"\x01x\x1c\x00"
    assert detachkeys.parse(None) == b"\x10\x11"
    for bad in ("ctrl-", "ctrl-ab", "ab", "ctrl-1", ",", "ä"):
        with pytest.raises(Invalid):
            detachkeys.parse(bad)


async def test_logs_that_were_thrown_away_cannot_be_read(world: World) -> None:
    await world.create("web", log_config=LogConfig("none"))
    with pytest.raises(Unsupported, match="configured logging driver does not support reading"):
        await world.service.logs("web", LogsOptions(stdout=True))


async def test_an_exec_has_the_containers_environment_user_and_directory_unless_told_otherwise(world: World) -> None:
    await world.run("web", env=["A=1"], user="nobody", working_dir="/work", group_add=["7"])
    id = await world.service.exec_create("web", ExecCreateRequest(cmd=["id"], env=["B=2"]))
    await world.service.exec_start(id, ExecStartRequest(detach=True), None)
    process, stdio = world.driver.exec_processes[id]
    assert process.args == ("id",)
    assert process.env[-2:] == ("A=1", "B=2")
    assert (process.cwd, process.user.username, process.additional_groups) == ("/work", "nobody", ("7",))
    assert not stdio.terminal
    other = await world.service.exec_create("web", ExecCreateRequest(cmd=["id"], user="root", working_dir="/x"))
    await world.service.exec_start(other, ExecStartRequest(detach=True), None)
    process, _ = world.driver.exec_processes[other]
    assert (process.cwd, process.user.username, process.additional_groups) == ("/x", "root", ())


async def test_the_life_of_an_exec(world: World, client: Client) -> None:
    container = await world.run("web")
    id = await world.service.exec_create("web", ExecCreateRequest(cmd=["sh", "-c", "x"], attach_stdout=True, tty=True))
    before = await world.service.exec_inspect(id)
    assert (before.running, before.exit_code, before.pid) == (False, None, 0)
    await world.service.exec_start(id, ExecStartRequest(console_size=(24, 80)), client.upgrade)
    assert client.multiplexed == [False]
    running = await world.service.exec_inspect(id)
    assert running.running and running.pid > 0
    assert (await world.service.inspect("web", False)).exec_ids == [id]
    with pytest.raises(Conflict, match="already running"):
        await world.service.exec_start(id, ExecStartRequest(), client.upgrade)
    await world.service.exec_resize(id, 10, 20)
    world.driver.end_exec(container, id, 5)
    after = await world.service.exec_inspect(id)
    assert (after.running, after.exit_code) == (False, 5)
    assert (after.process_config.entrypoint, after.process_config.arguments) == ("sh", ["-c", "x"])
    with pytest.raises(Conflict, match="has already run"):
        await world.service.exec_start(id, ExecStartRequest(), client.upgrade)
    assert world.actions()[2:] == ["exec_create: sh -c x", "exec_start: sh -c x", "exec_die"]
    assert world.attributes("exec_die")["exitCode"] == "5"
    assert world.attributes("exec_die")["execID"] == id


async def test_an_exec_of_a_missing_program_tells_the_client_in_its_stream(world: World, client: Client) -> None:
    await world.run("web")
    id = await world.service.exec_create("web", ExecCreateRequest(cmd=["foo"], attach_stdout=True))
    world.journal.fail("driver.exec", StartError('exec: "foo": executable file not found in $PATH', 127))
    await world.service.exec_start(id, ExecStartRequest(), client.upgrade)
    assert client.received()[8:] == (
        b"OCI runtime exec failed: exec failed: unable to start container process: "
        b'exec: "foo": executable file not found in $PATH\r\n'
    )
    assert (await world.service.exec_inspect(id)).exit_code == 127


async def test_an_exec_that_fails_detached_is_an_error(world: World) -> None:
    await world.run("web")
    id = await world.service.exec_create("web", ExecCreateRequest(cmd=["foo"]))
    world.journal.fail("driver.exec", StartError('exec: "foo": executable file not found in $PATH', 127))
    with pytest.raises(Invalid, match="executable file not found"):
        await world.service.exec_start(id, ExecStartRequest(detach=True), None)


async def test_exec_needs_a_running_container_and_a_command(world: World) -> None:
    id = await world.create("web")
    with pytest.raises(Invalid, match="No exec command specified"):
        await world.service.exec_create("web", ExecCreateRequest())
    with pytest.raises(Conflict, match=f"container {id} is not running"):
        await world.service.exec_create("web", ExecCreateRequest(cmd=["true"]))
    await world.service.start("web")
    await world.service.pause("web")
    with pytest.raises(Conflict, match="Container web is paused, unpause the container before exec"):
        await world.service.exec_create("web", ExecCreateRequest(cmd=["true"]))
    with pytest.raises(NotFound, match="No such exec instance: x"):
        await world.service.exec_inspect("x")


async def test_execs_end_with_their_container_and_go_when_it_goes(world: World) -> None:
    container = await world.run("web")
    id = await world.service.exec_create("web", ExecCreateRequest(cmd=["sleep", "9"]))
    await world.service.exec_start(id, ExecStartRequest(detach=True), None)
    world.driver.end(container, 0)
    await world.runtime_events.settle()
    after = await world.service.exec_inspect(id)
    assert (after.running, after.exit_code) == (False, 137)
    await world.service.remove("web", force=False, volumes=False, link=False)
    with pytest.raises(NotFound):
        await world.service.exec_inspect(id)


async def test_only_the_latest_ended_execs_are_remembered(world: World) -> None:
    container = await world.run("web")
    ids = []
    for _ in range(300):
        ids.append(await world.service.exec_create("web", ExecCreateRequest(cmd=["true"])))
        await world.service.exec_start(ids[-1], ExecStartRequest(detach=True), None)
        world.driver.end_exec(container, ids[-1], 0)
    with pytest.raises(NotFound):
        await world.service.exec_inspect(ids[0])
    assert (await world.service.exec_inspect(ids[-1])).exit_code == 0


async def test_detaching_is_told(world: World) -> None:
    id = await world.run("web")
    exec_id = await world.service.exec_create("web", ExecCreateRequest(cmd=["sh"]))
    world.runtime_events.detached(id, None)
    world.runtime_events.detached(id, exec_id)
    assert world.actions()[-2:] == ["detach", "exec_detach"]
