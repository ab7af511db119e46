"""Hooks of containers that the supervisor has: run beside it, so that nobody else waits, and also when it dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from corral.errors import CorralError
from corral.oci.runtime import Hook, Hooks
from corral.runtime.driver import CreateRequest, StartError, Status
from support import boxes
from support.native import Host, eventually

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")


def sh(script: str) -> Hook:
    return Hook("/bin/sh", ("sh", "-c", script))


def with_hooks(request: CreateRequest, **hooks: Hook) -> CreateRequest:
    made = Hooks(**{kind: (hook,) for kind, hook in hooks.items()})
    return replace(request, spec=replace(request.spec, hooks=made))


async def test_all_six_kinds_in_order(host: Host, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def note(kind: str, to: str = str(log)) -> Hook:
        return sh(f"""echo {kind} $(sed 's/.*"status": "\\([a-z]*\\)".*/\\1/') >> {to}""")

    request = with_hooks(
        host.request("cat /log; sleep 1000"),
        prestart=note("prestart"),
        create_runtime=note("createRuntime"),
        create_container=note("createContainer"),
        start_container=note("startContainer", "/log"),
        poststart=note("poststart"),
        poststop=note("poststop"),
    )
    await host.driver.create(request)
    before = log.read_text().splitlines()
    assert before == ["prestart creating", "createRuntime creating", "createContainer creating"]
    await host.driver.start(request.id)
    assert (host.rootfs / "log").read_text() == "startContainer created\n"
    assert log.read_text().splitlines()[3:] == ["poststart running"]
    await host.driver.delete(request.id)
    assert log.read_text().splitlines()[4:] == ["poststop stopped"]
    assert not os.path.exists(request.bundle)


async def test_the_state_names_the_container(host: Host, tmp_path: Path) -> None:
    request = with_hooks(host.request("sleep 1000"), create_runtime=sh(f"cat > {tmp_path}/state"))
    state = await host.driver.run(request)
    told = json.loads((tmp_path / "state").read_text())
    assert (told["id"], told["pid"], told["bundle"]) == (request.id, state.pid, str(request.bundle))


async def test_others_do_not_wait(host: Host, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    slow = with_hooks(host.request("sleep 1000"), create_runtime=sh(f"read x < {tmp_path}/gate"))
    starting = asyncio.create_task(host.driver.run(slow))
    quick = await host.run("exit 3")
    assert (await host.events.exit(quick)).code == 3
    assert not starting.done()
    await asyncio.to_thread((tmp_path / "gate").write_text, "go\n")
    assert (await starting).status is Status.RUNNING


@pytest.mark.parametrize("kind", ["prestart", "create_runtime", "create_container", "start_container"])
async def test_a_failing_hook_is_the_end_of_the_container(host: Host, tmp_path: Path, kind: str) -> None:
    request = with_hooks(host.request("sleep 1000"), **{kind: sh("exit 5")}, poststop=sh(f"touch {tmp_path}/stopped"))
    with pytest.raises(StartError, match=r"error running \w+ hook #0: exit status 5, stdout: , stderr:"):
        await host.driver.run(request)
    assert await host.driver.list() == []
    assert not os.path.exists(request.bundle)
    assert (tmp_path / "stopped").exists(), "poststop hooks follow whatever the end was"


async def test_failing_poststart_and_poststop_hooks_are_warnings(host: Host, tmp_path: Path) -> None:
    def failing(kind: str) -> tuple[Hook, ...]:
        return (sh("exit 1"), sh(f"touch {tmp_path}/{kind}"))

    request = host.request("sleep 1000")
    hooks = Hooks(poststart=failing("poststart"), poststop=failing("poststop"))
    request = replace(request, spec=replace(request.spec, hooks=hooks))
    await host.driver.run(request)
    assert (tmp_path / "poststart").exists()
    await host.driver.delete(request.id)
    assert (tmp_path / "poststop").exists()
    for kind in ("poststart", "poststop"):
        assert f"error running {kind} hook #0: exit status 1" in host.faults()


async def test_a_supervisor_that_dies_while_a_hook_runs(host: Host, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    hook = sh(f"touch {tmp_path}/begun; read x < {tmp_path}/gate; touch {tmp_path}/over")
    request = with_hooks(host.request("sleep 1000"), create_runtime=hook)
    starting = asyncio.create_task(host.driver.run(request))
    await eventually((tmp_path / "begun").exists)
    os.kill(host.driver.supervisor_pid, signal.SIGKILL)
    await asyncio.sleep(0.05)
    await asyncio.to_thread((tmp_path / "gate").write_text, "go\n")
    assert (await starting).status is Status.RUNNING
    assert (tmp_path / "over").exists()


async def test_a_container_that_is_deleted_while_a_hook_runs(host: Host, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    request = with_hooks(
        host.request("sleep 1000"), create_runtime=sh(f"touch {tmp_path}/begun; read x < {tmp_path}/gate")
    )
    starting = asyncio.create_task(host.driver.run(request))
    await eventually((tmp_path / "begun").exists)
    await host.driver.delete(request.id)
    with pytest.raises(CorralError):
        await starting
    await asyncio.to_thread((tmp_path / "gate").write_text, "go\n")
    assert await host.driver.list() == []
