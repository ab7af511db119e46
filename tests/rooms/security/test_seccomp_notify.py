"""SCMP_ACT_NOTIFY in containers: the agent gets the descriptor before the program runs, and its answers count."""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from corral.oci.runtime import OCI_VERSION, Seccomp, SeccompSyscall
from corral.runtime.driver import CreateRequest, StartError, Stdio
from corral.runtime.security.seccomp.cache import FilterCache
from corral.runtime.security.seccomp.profile import parse
from support import boxes, native
from support.native import Host
from support.seccomp_agent import Agent

pytestmark = [
    pytest.mark.requires(*boxes.NEEDS, "cgroup"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="call numbers are those of x86_64"),
]

MKDIR, READ = 83, 0
EXEC = "e" * 64


@pytest_asyncio.fixture
async def host(tmp_path: Path, mark: str, busybox_copy: Path) -> AsyncIterator[Host]:
    async with native.host(tmp_path, mark, busybox_copy) as host:
        yield host


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path / "agent.sock")
    yield agent
    agent.close()


def notifying(request: CreateRequest, path: object, *names: str, **more: Any) -> CreateRequest:
    rules = (SeccompSyscall(names or ("mkdir",), "SCMP_ACT_NOTIFY"),)
    description = Seccomp("SCMP_ACT_ALLOW", listener_path=str(path), syscalls=rules, **more)
    return replace(request, spec=replace(request.spec, linux=replace(request.spec.linux, seccomp=description)))


async def test_agent_answers_for_the_kernel(host: Host, agent: Agent) -> None:
    request = notifying(host.request("mkdir /made; test ! -d /made"), agent.path, listener_metadata="for=test")
    await host.driver.run(request)
    assert (await host.events.exit(request.id)).code == 0
    assert agent.calls == [MKDIR]
    (told,) = agent.states
    assert told["fds"] == ["seccompFd"]
    assert told["metadata"] == "for=test"
    assert told["state"] == {
        "ociVersion": OCI_VERSION,
        "id": request.id,
        "status": "creating",
        "pid": told["pid"],
        "bundle": str(request.bundle),
        "annotations": {},
    }


async def test_without_new_privileges_too(host: Host, agent: Agent) -> None:
    process = replace(boxes.shell("mkdir /made; test ! -d /made"), no_new_privileges=True)
    request = notifying(host.request(process), agent.path)
    await host.driver.run(request)
    assert (await host.events.exit(request.id)).code == 0
    assert agent.calls == [MKDIR]


async def test_every_exec_has_a_listener_of_its_own(host: Host, agent: Agent) -> None:
    request = notifying(host.request("sleep 1000"), agent.path)
    state = await host.driver.run(request)
    pid = await host.driver.exec(request.id, EXEC, boxes.shell("mkdir /made; test ! -d /made"), Stdio())
    assert (await host.events.exit(EXEC)).code == 0
    assert agent.calls == [MKDIR]
    assert [(told["state"]["status"], told["pid"]) for told in agent.states] == [
        ("creating", state.pid),
        ("running", pid),
    ]


async def test_reading_may_be_notified_of_although_it_is_part_of_the_start(host: Host, tmp_path: Path) -> None:
    """The agent has the descriptor by then. It refuses, and so the start fails instead of hanging."""
    agent = Agent(tmp_path / "agent.sock")
    try:
        with pytest.raises(StartError):
            await host.driver.run(notifying(host.request("true"), agent.path, "read"))
    finally:
        agent.close()
    assert agent.calls[:1] == [READ]


async def test_nobody_listens(host: Host, tmp_path: Path) -> None:
    request = notifying(host.request("touch /ran"), tmp_path / "nobody.sock")
    with pytest.raises(StartError, match="connect: no such file or directory"):
        await host.driver.run(request)
    assert not (host.rootfs / "ran").exists()
    assert await host.driver.list() == []


@pytest.mark.parametrize(
    ("names", "path", "message"),
    [
        (("write",), "/agent", "SCMP_ACT_NOTIFY cannot be used for the write syscall"),
        (("mkdir",), "", "seccomp listenerPath is not set"),
        (("mkdir",), "agent", "not an absolute path"),
    ],
)
async def test_what_cannot_work_is_refused(host: Host, names: tuple[str, ...], path: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        await host.driver.run(notifying(host.request("true"), path, *names))


async def test_a_listener_of_nobody_is_ignored(host: Host) -> None:
    request = host.request("true")
    description = Seccomp("SCMP_ACT_ALLOW", listener_path="/nobody")
    linux = replace(request.spec.linux, seccomp=description)
    await host.driver.run(replace(request, spec=replace(request.spec, linux=linux)))
    assert (await host.events.exit(request.id)).code == 0


async def test_filter_compiled_ahead_of_time(host: Host, agent: Agent, tmp_path: Path) -> None:
    profile = parse(
        '{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"],'
        f'"listenerPath": "{agent.path}", "syscalls": [{{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}}]}}'
    )
    annotations = FilterCache(tmp_path / "filters").get(profile, ()).annotations
    request = host.request("mkdir /made; test ! -d /made")
    await host.driver.run(replace(request, spec=replace(request.spec, annotations=annotations)))
    assert (await host.events.exit(request.id)).code == 0
    assert agent.calls == [MKDIR]
