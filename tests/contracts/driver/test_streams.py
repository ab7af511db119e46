"""Logs, attachments and terminals of containers and execs."""

from __future__ import annotations

import json
import secrets
import signal
from dataclasses import replace

import pytest

from corral.oci.annotations import REAPER
from corral.oci.runtime import ConsoleSize, User
from corral.runtime.driver import Stdio
from support import boxes
from support.native import Client, Host, eventually

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")


async def test_log_and_attachment_miss_nothing(host: Host) -> None:
    client = Client()
    id = await host.run("seq 1 2000; echo end >&2", client, log=True)
    streams = await client.streams()
    await host.events.exit(id)
    expected = "".join(f"{number}\n" for number in range(1, 2001))
    assert (streams[1].decode(), streams[2].decode()) == (expected, "end\n")
    assert (host.logged(id, "stdout"), host.logged(id, "stderr")) == (expected, "end\n")


async def test_input_reaches_the_process_and_ends(host: Host) -> None:
    client = Client(stdin=True)
    id = await host.run("cat; echo over", client, open_stdin=True, stdin_once=True)
    await client.send(b"typed\n")
    client.half_close()
    assert (await client.streams())[1] == b"typed\nover\n"
    assert (await host.events.exit(id)).code == 0


async def test_without_input_it_reads_nothing(host: Host) -> None:
    id = await host.run("cat; echo over", log=True)
    await host.events.exit(id)
    assert host.logged(id) == "over\n"


async def test_terminal(host: Host) -> None:
    client = Client(stdin=True, terminal=True)
    script = "tty; stty size; read line; echo got $line; exit 5"
    size = ConsoleSize(33, 77)
    id = await host.run(script, client, terminal=True, open_stdin=True, console_size=size, log=True)
    await client.until(b"33 77\r\n")
    await client.send(b"word\n")
    assert b"got word\r\n" in await client.read()
    assert (await host.events.exit(id)).code == 5
    assert host.logged(id).startswith("/dev/")


async def test_terminal_is_resized(host: Host) -> None:
    client = Client(stdin=True, terminal=True)
    script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"
    id = await host.run(script, client, terminal=True, open_stdin=True)
    await client.until(b"ready")
    await host.driver.resize(id, None, 21, 43)
    await client.until(b"21 43")
    await host.events.exit(id)


async def test_detach_keys(host: Host) -> None:
    client = Client(stdin=True, terminal=True, detach_keys=b"\x10\x11")
    id = await host.run("echo ready; cat", client, terminal=True, open_stdin=True)
    await client.until(b"ready")
    await client.send(b"\x10\x11")
    await client.read()
    await host.events.until(lambda: host.events.detaches == [(id, None)])
    assert host.events.exits == {}


async def test_later_attachment_gets_what_comes_then(host: Host) -> None:
    first, second = Client(stdin=True), Client()
    id = await host.run("read a; echo $a; read b; echo $b", first, open_stdin=True)
    await first.send(b"one\n")
    await first.until(b"one\n")
    await host.driver.attach(id, None, second.attachment)
    await first.send(b"two\n")
    assert (await second.streams())[1] == b"two\n"


async def test_exec_has_streams_and_a_code_of_its_own(host: Host) -> None:
    id = await host.run("sleep 1000", log=True)
    client = Client(stdin=True)
    exec_id = await host.exec(id, "cat; echo err >&2; exit 4", client, open_stdin=True, stdin_once=True)
    await client.send(b"typed\n")
    client.half_close()
    assert await client.streams() == {1: b"typed\n", 2: b"err\n"}
    assert (await host.events.exit(exec_id)).code == 4
    assert host.logged(id) == ""


async def test_exec_in_a_terminal(host: Host) -> None:
    id = await host.run("sleep 1000")
    client = Client(stdin=True, terminal=True)
    size = ConsoleSize(30, 90)
    script = "tty; stty size; read x; echo got $x"
    if host.runtime is not None and host.runtime.path == "crun":  # sets the size when the program may run already
        script = "until stty size | grep '30 90'; do sleep 0.01; done; read x; echo got $x"
    exec_id = await host.exec(id, script, client, terminal=True, open_stdin=True, console_size=size)
    await client.until(b"30 90\r\n")
    await client.send(b"word\n")
    assert b"got word\r\n" in await client.read()
    assert (await host.events.exit(exec_id)).code == 0


async def test_exec_that_is_over_at_once_is_known(host: Host) -> None:
    id = await host.run("sleep 1000")
    for code in range(8):
        exec_id = await host.exec(id, f"exit {code}")
        assert (await host.events.exit(exec_id)).code == code


async def test_exec_is_killed(host: Host) -> None:
    id = await host.run("sleep 1000")
    exec_id = await host.exec(id, "exec sleep 1000")
    await eventually(lambda: True)
    await host.driver.kill_exec(id, exec_id, signal.SIGKILL)
    assert (await host.events.exit(exec_id)).code == 137
    assert (await host.state(id)).exit is None


async def test_names_are_resolved_inside(host: Host) -> None:
    process = replace(
        boxes.shell("id; echo $HOME; pwd; echo out > /dev/stdout"),
        user=User(username="bob"),
        additional_groups=("audio", "77"),
        cwd="/made/for/it",
    )
    expected = "uid=1000(bob) gid=1000(bob) groups=1000(bob),29(audio),77\n/home/bob\n/made/for/it\nout\n"
    request = host.request(process, log=True)
    await host.driver.run(request)
    assert (await host.events.exit(request.id)).code == 0
    assert _sorted_groups(host.logged(request.id)) == expected
    id = await host.run("sleep 1000")
    client = Client()
    process = replace(process, cwd="/tmp")
    await host.driver.exec(id, secrets.token_hex(32), process, Stdio(), (client.attachment,))
    assert _sorted_groups((await client.streams())[1].decode()) == expected.replace("/made/for/it", "/tmp")


def _sorted_groups(text: str) -> str:
    head, _, rest = text.partition(" groups=")
    groups, _, rest = rest.partition("\n")
    return f"{head} groups={','.join(sorted(set(groups.split(','))))}\n{rest}"


async def test_reaper_is_process_one_and_forwards_signals(host: Host) -> None:
    request = host.request(
        "trap 'exit 5' TERM; (true &); head -c 17 /proc/1/cmdline; echo; while :; do sleep 0.01; done", log=True
    )
    shown = json.dumps(["/sbin/docker-init", "--", *request.spec.process.args])
    request = replace(request, spec=replace(request.spec, annotations={REAPER: shown}))
    await host.driver.run(request)
    await eventually(lambda: host.logged(request.id) != "")
    await host.driver.kill(request.id, signal.SIGTERM)
    assert (await host.events.exit(request.id)).code == 5
    assert host.logged(request.id) == "/sbin/docker-init\n"
