"""config-linux.md, "Seccomp": listenerPath and the container process state, through every command that starts one."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.oci import Bundle, Runtime, eventually
from support.seccomp_agent import Agent

pytestmark = [
    pytest.mark.requires("root", "namespaces", "busybox", "cgroup"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="call numbers are those of x86_64"),
]

MKDIR = 83
REFUSED = "mkdir /made; test ! -d /made"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path / "agent.sock")
    yield agent
    agent.close()


def notifying(bundle: Bundle, path: Path, script: str) -> None:
    bundle.config["process"]["args"] = ["sh", "-c", script]
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": str(path),
        "listenerMetadata": "for=test",
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}],
    }


def test_run(runtime: Runtime, bundle: Bundle, agent: Agent) -> None:
    notifying(bundle, agent.path, REFUSED)
    runtime.ok("run", "-b", bundle.path, "c1")
    assert agent.calls == [MKDIR]
    (told,) = agent.states
    assert (told["fds"], told["metadata"]) == (["seccompFd"], "for=test")
    assert (told["state"]["id"], told["state"]["bundle"]) == ("c1", bundle.path)


def test_start_after_create_and_exec(runtime: Runtime, bundle: Bundle, agent: Agent) -> None:
    notifying(bundle, agent.path, f"{REFUSED} && exec sleep 1000")
    runtime.ok("create", "-b", bundle.path, "c1")
    assert agent.states == []
    runtime.ok("start", "c1")
    assert eventually(lambda: agent.calls == [MKDIR])
    runtime.ok("exec", "c1", "sh", "-c", REFUSED)
    assert agent.calls == [MKDIR, MKDIR]
    assert [told["state"]["status"] for told in agent.states] == ["created", "running"]


def test_nobody_listens(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    notifying(bundle, tmp_path / "nobody", "true")
    assert "connect: no such file or directory" in runtime.error("run", "-b", bundle.path, "c")
