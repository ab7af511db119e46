"""A running supervisor and peers that do not keep to the protocol; the sandbox operation; its end."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from pathlib import Path

import pytest

from corral.errors import Conflict, Invalid, NotFound
from corral.linux.mount import MNT_DETACH, umount2
from corral.runtime.driver import StartError, Status, Stdio
from corral.runtime.native.driver import NativeDriver
from corral.runtime.supervisor import protocol
from support import boxes
from support.native import Client, Host, Recorder, alive, eventually, gone

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")


def connect(host: Host) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(10)
    sock.connect(str(host.root.supervisor_socket))
    return sock


def error_kind(sock: socket.socket) -> str:
    received = protocol.receive(sock)
    assert received is not None
    return str(received[0]["error"]["kind"])


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"[]",
        b"@",
        b'{"n":1}',
        b'{"n":1,"op":"nope"}',
        b'{"n":1,"op":"__init__"}',
        b'{"n":1,"op":7}',
        b'{"n":1,"op":"run","id":"../../etc"}',
        b'{"n":1,"op":"kill","id":"' + b"a" * 64 + b'","signal":"9"}',
        b'{"n":{},"op":"exec","id":"' + b"a" * 64 + b'"}',
        b'{"n":1,"op":"hello","version":99}',
    ],
)
async def test_malformed_message_gets_an_error_and_the_supervisor_goes_on(host: Host, payload: bytes) -> None:
    with connect(host) as sock:
        sock.send(payload)
        assert error_kind(sock) in ("invalid", "not_found")
        protocol.send(sock, {"n": 2, "op": "list"})
        received = protocol.receive(sock)
        assert received is not None
        assert received[0] == {"n": 2, "ok": {"containers": []}}


async def test_packet_that_is_too_long_costs_its_sender_the_connection_only(host: Host) -> None:
    with connect(host) as sock:
        sock.send(b"x" * 100_000)
        assert protocol.receive(sock) is None
    assert await host.driver.list() == []


async def test_descriptors_of_refused_requests_are_closed(host: Host) -> None:
    before = len(os.listdir(f"/proc/{host.driver.supervisor_pid}/fd"))
    for _ in range(3):
        client = Client()
        with pytest.raises(NotFound):
            await host.exec("a" * 64, "true", client)
        assert await client.read() == b""
    assert len(os.listdir(f"/proc/{host.driver.supervisor_pid}/fd")) == before


async def test_socket_is_for_root_only(host: Host) -> None:
    assert os.stat(host.root.supervisor_socket).st_mode & 0o777 == 0o600
    pid = os.fork()
    if not pid:
        try:
            os.chmod(host.root.supervisor_socket, 0o666)
            for path in (host.directory, *host.directory.parents):
                if path != Path("/") and path != Path("/tmp"):
                    os.chmod(path, 0o755)
            os.setgid(65534)
            os.setuid(65534)
            with connect(host) as sock:
                ended = sock.recv(100) == b""
            os._exit(0 if ended else 2)
        except PermissionError:
            os._exit(0)
        finally:
            os._exit(1)
    assert (await asyncio.to_thread(os.waitpid, pid, 0))[1] == 0


async def test_answers_are_matched_to_pipelined_requests(host: Host) -> None:
    with connect(host) as sock:
        for number in range(50):
            protocol.send(sock, {"n": number, "op": "list" if number % 2 else "pids", "id": "a" * 64})
        for number in range(50):
            received = protocol.receive(sock)
            assert received is not None
            assert received[0]["n"] == number
            assert ("ok" in received[0]) == bool(number % 2)


async def test_exec_with_a_megabyte_of_environment(host: Host) -> None:
    id = await host.run("sleep 1000")
    process = boxes.shell(
        "echo ${#BIG}", env=(*boxes.ENV, "BIG=" + "x" * 100_000, *(f"V{n}={'y' * 1000}" for n in range(900)))
    )
    client = Client()
    await host.driver.exec(id, "e" * 64, process, Stdio(), [client.attachment])
    assert (await client.streams())[1] == b"100000\n"


async def test_description_that_is_not_one_is_refused(host: Host) -> None:
    request = host.request("true")
    os.makedirs(request.bundle)
    (request.bundle / "config.json").write_text(json.dumps({"process": {"args": 7}}))
    with connect(host) as sock:
        protocol.send(sock, {"n": 1, "op": "run", "id": request.id, "stdio": {}, "attachments": []})
        assert error_kind(sock) == "invalid"
    with pytest.raises(Invalid):
        await host.driver.run(host.request("true", linux={"cgroups_path": "/../escape"}))
    await host.driver.delete(request.id)
    assert os.listdir(host.root.containers) == []


async def test_sandbox_is_a_new_network_namespace_with_a_socket_inside(host: Host) -> None:
    path = host.root.sandbox("a" * 12)
    namespace, netlink = await host.driver.sandbox(path)
    try:
        assert os.fstat(namespace).st_ino == os.stat(path).st_ino != os.stat("/proc/self/ns/net").st_ino
        assert os.stat(f"/proc/{host.driver.supervisor_pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino
        with socket.socket(fileno=netlink) as sock:
            # RTM_GETLINK, dump: there is the loopback interface and nothing else that is up.
            sock.send(struct.pack("=IHHIIBxHiII", 32, 18, 0x301, 1, 0, 0, 0, 0, 0, 0))
            answer = sock.recv(1 << 16)
            assert b"lo\0" in answer
            assert b"eth0\0" not in answer
        with pytest.raises(Conflict):
            await host.driver.sandbox(path)
    finally:
        os.close(namespace)
        umount2(str(path), MNT_DETACH)
        path.unlink()


async def test_supervisor_without_containers_ends_with_its_last_driver(host: Host) -> None:
    pids = host.driver.supervisor_pid, host.driver.keeper_pid
    id = await host.run("sleep 1000")
    await host.driver.close()
    assert all(map(alive, pids))
    await host.connect()
    assert (await host.state(id)).status is Status.RUNNING
    await host.driver.delete(id)
    await host.driver.close()
    for pid in pids:
        await gone(pid)
    assert not host.root.supervisor_socket.exists()
    await host.connect()
    assert host.driver.supervisor_pid not in pids


async def test_two_drivers_at_once_start_one_supervisor(host: Host) -> None:
    await host.driver.close()
    await gone(host.driver.keeper_pid)
    other, _ = await asyncio.gather(NativeDriver.connect(host.root, Recorder()), host.connect())
    assert other.supervisor_pid == host.driver.supervisor_pid
    other._closed = True
    assert other._link is not None
    other._link.close()


async def test_nothing_went_wrong_on_the_way(host: Host) -> None:
    """The supervisor's own word on a life like any other: no faults."""
    client = Client(stdin=True)
    id = await host.run("cat", client, open_stdin=True, stdin_once=True, log=True)
    await host.exec(id, "true")
    client.half_close()
    await host.events.exit(id)
    await host.driver.delete(id)
    assert host.faults() == ""


async def test_containers_that_were_deleted_leave_no_descriptor_anywhere(host: Host) -> None:
    def held() -> list[int]:
        pids = (host.driver.supervisor_pid, host.driver.keeper_pid, os.getpid())
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]

    async def life(number: int) -> None:
        client = Client(terminal=number % 2 == 0, stdin=True)
        id = await host.run("read x; exit 3", client, terminal=number % 2 == 0, open_stdin=True, log=True)
        await host.exec(id, "sleep 1000")
        await client.send(b"go\n")
        assert (await host.events.exit(id)).code == 3
        await client.read()
        await host.driver.delete(id)
        with pytest.raises(StartError):
            await host.driver.run(host.request(boxes.process("nope"), log=True, open_stdin=True))

    await life(0)
    before = held()
    await asyncio.gather(*map(life, range(6)))
    await eventually(lambda: held() <= before)
