"""Containers whose processes may trace others: execs are born in there when they are already what the others are."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.errors import CorralError
from corral.oci.runtime import Capabilities, Namespace
from corral.runtime.driver import CreateRequest, StartError, Stdio
from support import boxes, native
from support.native import Client, Host, alive, eventually

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")

POWERS = (*boxes.USABLE, "CAP_SYS_PTRACE")
TRACING = Capabilities(bounding=POWERS, effective=POWERS, permitted=POWERS)


@pytest_asyncio.fixture
async def host(tmp_path: Path, mark: str, busybox_copy: Path) -> AsyncIterator[Host]:
    async with native.host(tmp_path, mark, busybox_copy) as host:
        yield host


def tracing(request: CreateRequest, **linux: object) -> CreateRequest:
    spec = request.spec
    process = dataclasses.replace(spec.process, capabilities=TRACING)
    return dataclasses.replace(
        request, spec=dataclasses.replace(spec, process=process, linux=dataclasses.replace(spec.linux, **linux))
    )


async def container(host: Host, script: str = "sleep 1000") -> str:
    request = tracing(host.request(script))
    await host.driver.run(request)
    return request.id


async def test_an_exec_is_a_process_like_any_other(host: Host) -> None:
    id = await container(host)
    client = Client(stdin=True)
    script = "read x; echo $x; cut -d' ' -f1,4,6 /proc/self/stat; echo err >&2; ls /proc/self/fd; exit 7"
    process, exec_id = boxes.shell(script, capabilities=TRACING), "2" * 64
    stdio = Stdio(open_stdin=True, stdin_once=True)
    await host.driver.exec(id, exec_id, process, stdio, (client.attachment,))
    pid = next(exec.pid for exec in (await host.state(id)).execs if exec.exec_id == exec_id)
    assert os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{(await host.state(id)).pid}/ns/pid")
    status = dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    first = Path(f"/proc/{(await host.state(id)).pid}/status").read_text()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Uid", "Gid"):
        assert f"{name}:\t{status[name]}\n" in first
    await client.send(b"word\n")
    streams = await client.streams()
    assert streams[2] == b"err\n"
    word, stat, *descriptors = streams[1].decode().splitlines()
    number, parent, session = stat.split()
    assert word == "word"
    assert (parent, int(session) > 1, number != session) == (session, True, True)
    assert descriptors == ["0", "1", "2", "3"]
    assert (await host.events.exit(exec_id)).code == 7


async def test_an_exec_with_a_terminal_has_it(host: Host) -> None:
    id = await container(host)
    client = Client(stdin=True, terminal=True)
    exec_id = await host.exec(id, "tty; trap 'echo caught; exit 3' INT; echo ready; sleep 1000 & wait", client,
                              terminal=True, open_stdin=True)  # fmt: skip
    await client.until(b"ready")
    await client.send(b"\x03")
    await client.until(b"caught")
    assert (await host.events.exit(exec_id)).code == 3


async def test_programs_that_cannot_be_executed(host: Host) -> None:
    id = await container(host)
    (host.rootfs / "bin/text").write_text("text\n")
    (host.rootfs / "bin/text").chmod(0o755)
    (host.rootfs / "bin/lost").write_text("#!/nowhere/sh\n")
    (host.rootfs / "bin/lost").chmod(0o755)
    with pytest.raises(StartError, match="executable file not found") as caught:
        await host.driver.exec(id, "1" * 64, boxes.process("absent"), Stdio())
    assert caught.value.exit_code == 127
    for number, (name, words) in enumerate((("text", b"exec format error"), ("lost", b"no such file or directory")), 2):
        client = Client()
        exec_id = f"{number}" * 64
        await host.driver.exec(id, exec_id, boxes.process(name), Stdio(), (client.attachment,))
        assert (await client.streams())[2] == b"exec /bin/" + name.encode() + b": " + words + b"\n"
        assert (await host.events.exit(exec_id)).code == 255


async def test_an_exec_is_killed_and_ends_with_its_container(host: Host) -> None:
    id = await container(host)
    exec_id = await host.exec(id, "exec sleep 1000")
    await host.driver.kill_exec(id, exec_id, signal.SIGKILL)
    assert (await host.events.exit(exec_id)).code == 137
    other = await host.exec(id, "exec sleep 1000")
    pid = (await host.state(id)).execs[-1].pid
    await host.driver.kill(id, signal.SIGKILL)
    assert (await host.events.exit(other)).code == 137
    assert not alive(pid)
    await host.driver.delete(id)


async def test_many_execs_at_once(host: Host) -> None:
    id = await container(host)
    ids = await asyncio.gather(*(host.exec(id, f"exit {code}") for code in range(24)))
    assert [(await host.events.exit(exec_id)).code for exec_id in ids] == list(range(24))


async def test_execs_survive_the_supervisor(host: Host) -> None:
    id = await container(host)
    client = Client(stdin=True)
    exec_id = await host.exec(id, "read x; echo got $x; exit 9", client, open_stdin=True)
    os.kill(host.driver.supervisor_pid, signal.SIGKILL)
    again = Client(stdin=True)
    await host.driver.attach(id, exec_id, again.attachment)
    await again.send(b"it\n")
    assert (await again.streams())[1] == b"got it\n"
    assert (await host.events.exit(exec_id)).code == 9


async def test_a_container_that_joins_a_pid_namespace_is_born_last(host: Host) -> None:
    id = await container(host)
    first = (await host.state(id)).pid
    own = tuple(namespace for namespace in boxes.NAMESPACES if namespace.type != "pid")
    namespaces = (*own, Namespace("pid", f"/proc/{first}/ns/pid"))
    request = host.request(
        "ps; cut -d' ' -f4 /proc/self/stat; exec sleep 1000", log=True, linux={"namespaces": namespaces}
    )
    state = await host.driver.run(request)
    assert os.readlink(f"/proc/{state.pid}/ns/pid") == os.readlink(f"/proc/{first}/ns/pid")
    await eventually(lambda: len(host.logged(request.id).splitlines()) >= 4)
    shown = [line.split()[0] for line in host.logged(request.id).splitlines() if "sleep" in line or " ps" in line]
    assert shown[0] == "1", "they are those of the other container"
    assert len(shown) < 5
    exec_id = await host.exec(request.id, "exit 4")
    assert (await host.events.exit(exec_id)).code == 4
    await host.driver.kill(request.id, signal.SIGTERM)
    assert (await host.events.exit(request.id)).code == 143
    await host.driver.delete(request.id)
    with pytest.raises(CorralError, match="no such file or directory"):
        await host.driver.run(
            dataclasses.replace(host.request(boxes.process("/bin/absent"), linux={"namespaces": namespaces}))
        )
    assert len(await host.driver.list()) == 1
