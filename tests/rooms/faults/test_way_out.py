"""What a process that becomes a container's program still has of the host, and what it believes of the container."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from corral.oci.annotations import REAPER
from corral.oci.runtime import Mount, Process
from corral.runtime.driver import StartError
from support import boxes, native, tap
from support.native import Client, Host
from support.tap import Call, Tap, everything_passes

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")


@pytest_asyncio.fixture
async def host(tmp_path: Path, mark: str, busybox_copy: Path) -> AsyncIterator[Host]:
    async with native.host(tmp_path, mark, busybox_copy) as host:
        yield host


def open_directories(pid: int) -> dict[str, str]:
    """Descriptors of the process that a path may go through."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{name}"
        if stat.S_ISDIR(os.stat(path).st_mode):
            found[name] = os.readlink(path)
    return found


KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "terminal": {"terminal": True, "open_stdin": True},
    "read-only": {"root": True},
    "volume": {"mounts": True},
    "host namespaces": {"namespaces": ("mount",)},
}


@pytest.mark.parametrize("kind", KINDS)
async def test_no_directory_is_open_when_the_program_is_looked_for(host: Host, kind: str) -> None:
    """CVE-2024-21626: by way of /proc/self/fd/N it would be a way out, for a program as well as for a directory."""
    given = KINDS[kind]
    asked = host.request("true", **{key: given[key] for key in ("terminal", "open_stdin") if key in given})
    spec = asked.spec
    if "root" in given:
        spec = dataclasses.replace(spec, root=dataclasses.replace(spec.root, readonly=True))
    if "mounts" in given:
        volume = host.directory / "volume"
        volume.mkdir()
        spec = dataclasses.replace(spec, mounts=(*spec.mounts, Mount("/v", "bind", str(volume), ("rbind", "rshared"))))
    if "namespaces" in given:
        kept = tuple(n for n in spec.linux.namespaces if n.type in given["namespaces"])
        spec = dataclasses.replace(spec, hostname="", linux=dataclasses.replace(spec.linux, namespaces=kept))
    state = await host.driver.create(dataclasses.replace(asked, spec=spec))
    assert open_directories(state.pid) == {}
    await host.driver.start(asked.id)
    await host.driver.delete(asked.id)


async def test_with_init_only_the_reapers_own_directory_is_open(host: Host) -> None:
    """It is the root of a file system that is attached nowhere."""
    asked = host.request("true")
    spec = dataclasses.replace(asked.spec, annotations={REAPER: '["init"]'})
    state = await host.driver.create(dataclasses.replace(asked, spec=spec))
    assert set(open_directories(state.pid).values()) == {"/"}
    for name in open_directories(state.pid):
        assert os.listdir(f"/proc/{state.pid}/fd/{name}") == []
        assert os.path.samefile(f"/proc/{state.pid}/fd/{name}/../..", f"/proc/{state.pid}/fd/{name}")
    await host.driver.delete(asked.id)


def by_descriptor(number: int) -> Process:
    return boxes.process(f"/proc/self/fd/{number}" + "/.." * 12 + os.path.realpath("/bin/busybox"), "true")


async def test_cve_2024_21626_the_program_is_named_by_way_of_a_leaked_descriptor(host: Host) -> None:
    """It would be the host's file, and could be overwritten through /proc/self/exe."""
    assert not (host.rootfs / os.path.realpath("/bin/busybox").lstrip("/")).exists() or (
        os.path.realpath("/bin/busybox") == "/bin/busybox"
    )
    for number in range(3, 40):
        with pytest.raises(StartError, match=r"no such file or directory|not a directory"):
            await host.run(by_descriptor(number))


async def test_cve_2024_21626_the_program_of_an_exec_is_named_by_way_of_a_leaked_descriptor(host: Host) -> None:
    id = await host.run("sleep 1000")
    for number in range(3, 40):
        with pytest.raises(StartError, match=r"no such file or directory|not a directory"):
            await host.driver.exec(id, f"{number:064x}", by_descriptor(number), native.Stdio())


@pytest.mark.skipif(bool(tap.available()), reason=tap.available())
@pytest.mark.parametrize("terminal", [False, True])
async def test_cve_2025_52881_an_exec_names_nothing_in_proc_once_it_is_inside(
    tapped: tuple[Host, Tap], terminal: bool
) -> None:
    """Nor any other path, but below a descriptor of the root, and the program and its directory as the user."""
    host, tapping = tapped
    id = await host.run("sleep 1000")
    engine = (host.driver.supervisor_pid, host.driver.keeper_pid)
    paths = {"open": 0, "openat": 1, "openat2": 1, "open_tree": 1, "chdir": 0, "execve": 0, "readlink": 0, "mount": 1}
    calls: list[tuple[str, str]] = []
    inside: set[int] = set()
    done: set[int] = set()

    def judge(call: Call) -> int:
        if call.pid in engine or call.pid in done:
            return 0
        if call.name == "setns":
            inside.add(call.pid)
        elif call.pid in inside and call.name in paths:
            calls.append((call.name, call.text(paths[call.name])))
        if call.name == "execve":
            done.add(call.pid)
        return 0

    tapping.judge = judge
    client = Client(terminal=terminal)
    exec_id = await host.exec(id, "exit 4", client, terminal=terminal)
    tapping.judge = everything_passes
    assert (await host.events.exit(exec_id)).code == 4
    client.socket.close()
    opened = [path for name, path in calls if name == "openat2"]
    assert "etc/passwd" in opened
    assert all(not path.startswith("/") for path in opened)
    others = [(name, path) for name, path in calls if name != "openat2"]
    assert others == [("openat", "/"), ("chdir", "/"), ("execve", "/bin/sh")]
