"""Clients of real containers: streams, half-close, terminals, detaching, execs."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from corral.errors import Conflict, NotFound
from corral.oci.runtime import ConsoleSize
from corral.runtime.driver import Status, Stdio
from support import boxes
from support.native import Client, Host, alive, eventually, gone

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")


async def test_attached_from_the_start_misses_nothing(host: Host) -> None:
    client = Client()
    id = await host.run("echo out; echo err >&2; printf end", client, log=True)
    assert await client.streams() == {1: b"out\nend", 2: b"err\n"}
    assert (await host.events.exit(id)).code == 0
    assert [(entry["stream"], entry["log"]) for entry in host.entries(id)] == [
        ("stdout", "out\n"),
        ("stderr", "err\n"),
        ("stdout", "end"),
    ]


async def test_binary_output_is_exact(host: Host) -> None:
    (host.rootfs / "blob").write_bytes(data := secrets.token_bytes(1_500_000))
    client = Client()
    await host.run("cat /blob", client)
    assert (await client.streams())[1] == data


async def test_end_of_the_clients_input_is_the_end_of_stdin(host: Host) -> None:
    client = Client(stdin=True, initial_input=b"1\n")
    id = await host.run("cat; echo done", client, open_stdin=True, stdin_once=True)
    await client.send(b"2\n3\n")
    client.half_close()
    assert (await client.streams())[1] == b"1\n2\n3\ndone\n"
    assert (await host.events.exit(id)).code == 0


async def test_large_input_and_output_at_once(host: Host) -> None:
    client = Client(stdin=True)
    await host.run("cat", client, open_stdin=True, stdin_once=True)
    data = secrets.token_bytes(3_000_000)

    async def feed() -> None:
        await client.send(data)
        client.half_close()

    feeding = asyncio.ensure_future(feed())
    assert (await client.streams())[1] == data
    await feeding


async def test_without_open_stdin_the_input_is_empty(host: Host) -> None:
    client = Client(stdin=True)
    await host.run("cat; echo done", client)
    assert (await client.streams())[1] == b"done\n"


async def test_client_that_goes_does_not_end_a_stdin_that_stays_open(host: Host) -> None:
    client = Client(stdin=True)
    id = await host.run("while read line; do echo got $line; done", client, open_stdin=True, log=True)
    await client.send(b"one\n")
    await client.until(b"got one\n")
    client.socket.close()
    again = Client(stdin=True)
    await host.driver.attach(id, None, again.attachment)
    await again.send(b"two\n")
    assert (await again.until(b"two\n")).endswith(b"got two\n")
    assert (await host.state(id)).status is Status.RUNNING
    assert host.logged(id) == "got one\ngot two\n"
    again.socket.close()


async def test_two_clients_see_the_same(host: Host) -> None:
    clients = [Client(), Client()]
    await host.run("echo hello", *clients)
    assert [await client.streams() for client in clients] == [{1: b"hello\n", 2: b""}] * 2


async def test_attach_to_an_ended_or_unknown_container_is_refused_and_closes_the_socket(host: Host) -> None:
    id = await host.run("exit 0")
    await host.events.exit(id)
    for target, error in ((id, Conflict), ("f" * 64, NotFound)):
        client = Client()
        with pytest.raises(error):
            await host.driver.attach(target, None, client.attachment)
        assert await client.read() == b""


async def test_terminal_has_a_size_from_the_first_byte_and_is_not_framed(host: Host) -> None:
    client = Client(terminal=True)
    id = await host.run(
        "tty; stty size", client, terminal=True, open_stdin=True, console_size=ConsoleSize(33, 111), log=True
    )
    assert (await client.read()).replace(b"\r", b"") == b"/dev/pts/0\n33 111\n"
    assert host.logged(id) == "/dev/pts/0\r\n33 111\r\n"


async def test_terminal_can_be_resized_and_typed_into(host: Host) -> None:
    client = Client(terminal=True, stdin=True)
    id = await host.run("stty -echo; echo ready; read line; stty size; exit 7", client, terminal=True, open_stdin=True)
    await client.until(b"ready")
    await host.driver.resize(id, None, 40, 90)
    await client.send(b"go\n")
    assert b"40 90" in await client.read()
    assert (await host.events.exit(id)).code == 7


async def test_interrupt_key_reaches_the_foreground_process(host: Host) -> None:
    client = Client(terminal=True, stdin=True)
    id = await host.run("sh -c 'echo ready; sleep 1000'; echo code $?; exit 3", client, terminal=True, open_stdin=True)
    await client.until(b"ready")
    await client.send(b"\x03")
    await client.read()
    assert (await host.events.exit(id)).code in (3, 130)


async def test_detach_keys_leave_the_container_running(host: Host) -> None:
    client = Client(terminal=True, stdin=True, detach_keys=b"\x10\x11")
    id = await host.run("stty -echo; echo ready; read line; echo got $line", client, terminal=True, open_stdin=True)
    await client.until(b"ready")
    await client.send(b"\x10\x11")
    await client.read()
    await host.events.until(lambda: host.events.detaches == [(id, None)])
    again = Client(terminal=True, stdin=True)
    await host.driver.attach(id, None, again.attachment)
    await again.send(b"word\n")
    assert b"got word" in await again.read()


async def test_exec_has_streams_and_an_exit_code_of_its_own(host: Host) -> None:
    id = await host.run("sleep 1000")
    client = Client(stdin=True)
    exec_id = await host.exec(id, "echo err >&2; cat; exit 9", client, open_stdin=True, stdin_once=True)
    await client.send(b"input")
    client.half_close()
    assert await client.streams() == {1: b"input", 2: b"err\n"}
    assert (await host.events.exit(exec_id)).code == 9
    assert (await host.state(id)).execs == ()


async def test_exec_on_a_terminal(host: Host) -> None:
    id = await host.run("sleep 1000")
    client = Client(terminal=True, stdin=True, detach_keys=b"q")
    exec_id = await host.exec(
        id, "stty size; read x", client, terminal=True, open_stdin=True, console_size=ConsoleSize(20, 50)
    )
    await client.until(b"20 50")
    await host.driver.resize(id, exec_id, 21, 51)
    await client.send(b"q")
    await client.read()
    await host.events.until(lambda: host.events.detaches == [(id, exec_id)])
    await host.driver.kill_exec(id, exec_id, 9)
    assert (await host.events.exit(exec_id)).code == 137


async def test_exec_needs_a_running_container(host: Host) -> None:
    id = await host.run("sleep 1000")
    await host.driver.pause(id)
    with pytest.raises(Conflict):
        await host.exec(id, "true")
    await host.driver.resume(id)
    await host.driver.delete(id)
    with pytest.raises(NotFound):
        await host.exec(id, "true")


async def test_execs_end_with_their_container(host: Host) -> None:
    id = await host.run("sleep 0.2")
    exec_id = await host.exec(id, "sleep 1000")
    (state,) = (await host.state(id)).execs
    assert (await host.events.exit(exec_id)).code == 137
    assert (await host.events.exit(id)).code == 0
    assert not alive(state.pid)


async def test_process_that_an_exec_leaves_behind_does_not_hold_its_end_up(host: Host) -> None:
    id = await host.run("sleep 1000")
    client = Client()
    exec_id = await host.exec(id, "sleep 1000 & echo $!", client)
    assert (await host.events.exit(exec_id)).code == 0
    assert (await client.streams())[1]
    assert len(await host.driver.pids(id)) == 2


async def test_privileged_exec_has_all_capabilities(host: Host) -> None:
    id = await host.run("sleep 1000")
    client = Client()
    exec_id = secrets.token_hex(32)
    process = boxes.shell("grep CapEff /proc/self/status")
    await host.driver.exec(id, exec_id, process, Stdio(), [client.attachment], True)
    effective = int((await client.streams())[1].split()[1], 16)
    with open("/proc/self/status") as file:
        own = next(int(line.split()[1], 16) for line in file if line.startswith("CapPrm"))
    assert effective == own


async def test_loud_container_does_not_starve_a_quiet_one(host: Host) -> None:
    loud = await host.run("yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", log=True)
    await eventually(lambda: host.log(loud).stat().st_size > 1 << 20)
    client = Client(stdin=True)
    await host.run("cat", client, open_stdin=True, stdin_once=True)
    slowest = 0.0
    loop = asyncio.get_running_loop()
    for number in range(50):
        began = loop.time()
        await client.send(b"%d\n" % number)
        await client.until(b"%d\n" % number)
        slowest = max(slowest, loop.time() - began)
    assert slowest < 0.5
    await host.driver.delete(loud)


async def test_client_that_does_not_read_stops_its_container_only(host: Host) -> None:
    stuck, free = Client(), Client()
    id = await host.run("yes", stuck)
    await asyncio.sleep(0.1)
    other = await host.run("echo fine", free)
    assert (await free.streams())[1] == b"fine\n"
    await host.events.exit(other)
    with open(f"/proc/{host.driver.supervisor_pid}/status") as file:
        resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    assert resident < 100_000
    pid = (await host.state(id)).pid
    stuck.socket.close()
    await host.driver.delete(id)
    await gone(pid)
