"""Programs that cannot be executed, and set-up that cannot succeed: the error, and what is left: nothing."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest

from corral.oci.runtime import Mount, User
from corral.runtime.driver import StartError, Stdio
from support import boxes
from support.native import Client, Host

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")

PROGRAMS = [
    ("nope", 127, "executable file"),
    ("/nope", 127, "no such file"),
    ("/etc/passwd", 126, "permission denied|not executable"),
]


@pytest.mark.parametrize(("program", "code", "message"), PROGRAMS)
async def test_program_that_cannot_run_is_a_start_error(host: Host, program: str, code: int, message: str) -> None:
    client = Client()
    request = host.request(boxes.process(program), client, log=True)
    with pytest.raises(StartError) as caught:
        await host.driver.run(request)
    assert caught.value.exit_code == code, caught.value.message
    assert re.search(message, caught.value.message.lower())
    assert await client.read() == b""
    assert host.logged(request.id) == ""
    await _nothing_is_left(host, request.id)


@pytest.mark.parametrize(("program", "code", "message"), PROGRAMS)
async def test_exec_of_a_program_that_cannot_run(host: Host, program: str, code: int, message: str) -> None:
    id = await host.run("sleep 1000")
    client = Client()
    with pytest.raises(StartError) as caught:
        await host.driver.exec(id, "e" * 64, boxes.process(program), Stdio(), (client.attachment,))
    assert caught.value.exit_code == code, caught.value.message
    assert re.search(message, caught.value.message.lower())
    assert await client.read() == b""
    assert (await host.state(id)).execs == ()
    assert len(await host.driver.pids(id)) == 1


async def test_user_that_is_not_there(host: Host) -> None:
    process = replace(boxes.shell("id"), user=User(username="stranger"))
    request = host.request(process)
    with pytest.raises(StartError, match="unable to find user stranger: no matching entries in passwd file"):
        await host.driver.run(request)
    await _nothing_is_left(host, request.id)
    id = await host.run("sleep 1000")
    with pytest.raises(StartError, match="unable to find user stranger"):
        await host.driver.exec(id, "e" * 64, process, Stdio())


async def test_mount_without_a_source(host: Host) -> None:
    request = host.request("true")
    mounts = (*request.spec.mounts, Mount("/data", "bind", "/nowhere/at/all", ("rbind",)))
    request = replace(request, spec=replace(request.spec, mounts=mounts))
    with pytest.raises(StartError, match="/nowhere/at/all"):
        await host.driver.run(request)
    await _nothing_is_left(host, request.id)


async def test_created_container_whose_program_cannot_run(host: Host) -> None:
    request = host.request(boxes.process("/etc/passwd"))
    with pytest.raises(StartError):
        await host.driver.create(request)
        await host.driver.start(request.id)
    await _nothing_is_left(host, request.id)


async def test_second_try_works(host: Host) -> None:
    request = host.request(boxes.process("nope"))
    with pytest.raises(StartError):
        await host.driver.run(request)
    await host.driver.run(replace(request, spec=replace(request.spec, process=boxes.shell("exit 3"))))
    assert (await host.events.exit(request.id)).code == 3


async def _nothing_is_left(host: Host, id: str) -> None:
    assert await host.driver.list() == []
    assert not os.path.exists(host.root.bundle(id))
    assert id not in host.events.exits
    await host.driver.delete(id)
