"""A hostile container traces, for real, whatever enters it: by ptrace(2), and all of /proc/PID that the same check is
for.

Between birth and program a process that enters has root's powers and the engine's memory. Whoever may trace it then has
both (CVE-2016-9962).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from corral.oci.runtime import Capabilities, IDMapping, Mount, Namespace
from corral.runtime.security import capabilities
from support import boxes, native, tap, tracer
from support.native import Client, Host, eventually
from support.tap import HOLD, PASS, Call, Tap

pytestmark = [pytest.mark.requires(*boxes.NEEDS, "cgroup"), pytest.mark.timeout(600)]

EXECS = int(os.environ.get("CORRAL_TEST_EXECS", "60"))
POWERS = (*boxes.USABLE, "CAP_SYS_PTRACE")
TRACING = Capabilities(bounding=POWERS, effective=POWERS, permitted=POWERS)
OWN = re.compile(r"pipe:|/dev/null$|/dev/pts/\d+$|/[0-9a-f]{64}/std(in|out|err)$")
SECRET = f"of-another-{secrets.token_hex(8)}"


@pytest_asyncio.fixture
async def host(tmp_path: Path, mark: str, busybox_copy: Path) -> AsyncIterator[Host]:
    async with native.host(tmp_path, mark, busybox_copy) as host:
        yield host


class Tracer:
    """A container in which the tracer runs."""

    def __init__(self, host: Host, capabilities: Capabilities, **linux: Any) -> None:
        self.host = host
        self.report = host.directory / "volume/report"
        self.capabilities = capabilities
        self.linux = linux
        self.id = ""

    async def start(self) -> None:
        await self._another()
        self.report.parent.mkdir(mode=0o777, exist_ok=True)
        self.report.parent.chmod(0o777)
        for name in ("usr", "python", "volume"):
            (self.host.rootfs / name).mkdir(exist_ok=True)
        program = self.report.with_name("tracer.py")
        program.write_bytes(Path(tracer.__file__ or "").read_bytes())
        for name in ("lib", "lib64"):
            with contextlib.suppress(FileExistsError):
                (self.host.rootfs / name).symlink_to(f"usr/{name}")
        python = os.path.relpath(os.path.realpath(sys.executable), sys.base_prefix)
        process = boxes.process(
            f"/python/{python}", "-SI", "/volume/tracer.py", "/volume/report", SECRET.encode().hex(),
            capabilities=self.capabilities,
        )  # fmt: skip
        made = self.host.request(process, log=True, linux=self.linux)
        trees = {"/usr": "/usr", "/python": sys.base_prefix}
        mounts = [Mount(place, "bind", tree, ("rbind", "ro")) for place, tree in trees.items()]
        mounts.append(Mount("/volume", "bind", str(self.report.parent), ("rbind",)))
        spec = dataclasses.replace(made.spec, mounts=(*made.spec.mounts, *mounts))
        await self.host.driver.run(dataclasses.replace(made, spec=spec))
        self.id = made.id
        await eventually(lambda: "ready" in self.host.logged(made.id))

    async def _another(self) -> None:
        """A container whose environment the supervisor has in its memory from now on."""
        process = boxes.shell("sleep 1000", env=(*boxes.ENV, f"SECRET={SECRET}"))
        made = self.host.request(process)
        await self.host.driver.run(made)
        exec_id = await self.host.exec(made.id, "true")
        await self.host.events.exit(exec_id)

    def looks(self) -> list[dict[str, Any]]:
        if not self.report.exists():
            return []
        return [json.loads(line) for line in self.report.read_text().splitlines() if line.endswith("}")]


def too_much(look: dict[str, Any]) -> list[str]:
    """What it should not have got: of a process that is not its program yet, nothing that is more than its own."""
    found = [name for name in ("secret", "overwritten") if look.get(name)]
    if look.get("root") is False:
        found.append("another root")
    if "no descriptors" not in look and int(look["CapPrm"], 16) & ~capabilities.mask_of(POWERS):
        found.append(f"capabilities {look['CapPrm']}")
    if (look["who"] or "").startswith("/usr/"):  # it opens files of its own
        return found
    return found + [f"descriptor {path}" for path in look.get("descriptors", {}).values() if not OWN.search(path)]


async def execs(host: Host, id: str, count: int) -> None:
    for number in range(count):
        terminal = number % 3 == 2
        client = Client(terminal=terminal)
        exec_id = await host.exec(id, "exit 0", client, terminal=terminal)
        assert (await host.events.exit(exec_id)).code in (0, 137)
        client.socket.close()


def check(attacker: Tracer, *, attached: bool) -> None:
    looks = attacker.looks()
    print(attacker.host.logged(attacker.id), attacker.host.faults())
    assert len(looks) > EXECS // 4, "it was too slow"
    assert any(look["attached"] for look in looks) == attached
    wrong = [(look, found) for look in looks if (found := too_much(look))]
    assert not wrong, wrong[:3]


async def test_cve_2016_9962_execs_are_traced(host: Host) -> None:
    attacker = Tracer(host, boxes.CAPABILITIES)
    await attacker.start()
    await execs(host, attacker.id, EXECS)
    check(attacker, attached=True)  # programs, once they are what it is itself


async def test_execs_are_traced_with_the_capability_to_trace(host: Host) -> None:
    attacker = Tracer(host, TRACING)
    await attacker.start()
    await execs(host, attacker.id, EXECS)
    check(attacker, attached=True)


async def test_execs_are_traced_with_the_capability_in_a_user_namespace(host: Host) -> None:
    maps = (IDMapping(0, 100_000, 65_536),)
    attacker = Tracer(
        host, TRACING, namespaces=(*boxes.NAMESPACES, Namespace("user")), uid_mappings=maps, gid_mappings=maps
    )
    await attacker.start()
    await execs(host, attacker.id, EXECS)
    check(attacker, attached=True)


async def test_execs_of_a_container_are_traced_by_one_that_shares_its_processes(host: Host) -> None:
    id = await host.run("sleep 1000")
    attacker = Tracer(host, TRACING, namespaces=await beside(host, id))
    await attacker.start()
    await execs(host, id, EXECS)
    check(attacker, attached=True)


async def test_the_start_of_a_container_is_traced_by_one_that_shares_its_processes(host: Host) -> None:
    attacker = Tracer(host, TRACING)
    await attacker.start()
    namespaces = await beside(host, attacker.id)
    for _ in range(EXECS):
        made = host.request("exit 0", linux={"namespaces": namespaces})
        await host.driver.run(made)
        await host.events.exit(made.id)
        await host.driver.delete(made.id)
    check(attacker, attached=True)


async def beside(host: Host, id: str) -> tuple[Namespace, ...]:
    """The namespaces of a container that shares the processes of another one."""
    pid = (await host.state(id)).pid
    own = tuple(namespace for namespace in boxes.NAMESPACES if namespace.type != "pid")
    return (*own, Namespace("pid", f"/proc/{pid}/ns/pid"))


# -- not by chance: the process waits in front of a call until it has been looked at


@pytest.mark.skipif(bool(tap.available()), reason=tap.available())
@pytest.mark.parametrize("moment", ["its first call", "execve"])
@pytest.mark.parametrize("powers", ["with", "without"])
async def test_an_exec_is_looked_at_before_it_is_its_program(
    tapped: tuple[Host, Tap], powers: str, moment: str
) -> None:
    host, tapping = tapped
    attacker = Tracer(host, TRACING if powers == "with" else boxes.CAPABILITIES)
    await attacker.start()
    inside = os.readlink(f"/proc/{(await host.state(attacker.id)).pid}/ns/pid")
    others = (host.driver.supervisor_pid, host.driver.keeper_pid, (await host.state(attacker.id)).pid)
    held: list[int] = []

    def judge(call: Call) -> int:
        if held or call.pid in others or moment not in ("its first call", call.name):
            return PASS
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(f"/proc/{call.pid}/ns/pid") == inside:
                held.append(number_inside(call.pid))
                return HOLD
        return PASS

    tapping.judge = judge
    starting = asyncio.ensure_future(host.exec(attacker.id, "exit 4"))
    try:
        await eventually(lambda: any(look["pid"] in held for look in attacker.looks()))
    finally:
        tapping.judge = tap.everything_passes
        tapping.let_go()
    assert (await host.events.exit(await starting)).code == 4
    look = next(look for look in attacker.looks() if look["pid"] in held)
    if powers == "with":
        assert look["attached"]
        assert not too_much(look), look
        assert "midwife" in look["who"]
    else:
        assert not look["attached"]
        given = {name for name in look if not name.startswith("no ")} - {"pid", "attached", "who", *tracer.STATUS}
        assert given == set()


def number_inside(pid: int) -> int:
    """A process's number in the innermost of its PID namespaces."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[-1])
