"""Steps of the engine fail, or the daemon is killed in the middle of them: nothing is left, and a second try works.

Every system call of the daemon while it creates, starts, enters or removes a container may be the one.
"""

from __future__ import annotations

import errno
import http.client
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import tap
from support.engines import NEEDS
from support.tap import KILL, Call, Fault, everything_passes
from support.tapped_host import TappedHost

pytestmark = [
    pytest.mark.requires(*NEEDS, "nft"),
    pytest.mark.skipif(bool(tap.available()), reason=tap.available()),
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]

ERRORS = (errno.ENOSPC, errno.ENOMEM, errno.EPERM, errno.EBUSY)
STEP = int(os.environ.get("CORRAL_TEST_STEP", "19"))
"""One call of so many: 1 takes many minutes."""
DEATHS = int(os.environ.get("CORRAL_TEST_STEP", "53"))
FALLIBLE = frozenset(
    """
    bind connect fdatasync fsync ftruncate link linkat mkdir mkdirat mount move_mount open openat pwrite64 rename
    renameat renameat2 sendmsg sendto setsockopt socket symlink symlinkat write writev
    """.split()  # noqa: SIM905
)
"""What may fail for a reason: a full disk or table, a limit, a policy. (A file that cannot be removed, the lock of a
database that cannot be given back, an event loop that may not be left, are no faults that occur.)"""
HTTP_ERRORS = (OSError, http.client.HTTPException)


@pytest.fixture
def tapped(mark: str, busybox: Path) -> Iterator[TappedHost]:
    host = TappedHost(mark)
    try:
        host.start()
        host.import_busybox(busybox)
        yield host
    finally:
        host.close()


class Sweep:
    def __init__(self, host: TappedHost) -> None:
        self.host = host
        self.findings: list[str] = []
        self.errors: list[str] = []

    def _concerns(self, call: Call) -> bool:
        return call.name in FALLIBLE and self.host.is_daemon(call.pid)

    def prepare(self) -> None:
        assert self.remove()[0] in (204, 404)

    def act(self) -> tuple[int, str]:
        """Status and message of the request that the fault is to hit."""
        raise NotImplementedError

    def create(self) -> tuple[int, str]:
        body = {
            "Image": "busybox",
            "Cmd": ["sleep", "1000"],
            "HostConfig": {"Memory": 64 << 20, "PortBindings": {"80/tcp": [{"HostPort": "0"}]}},
        }
        return self._ask("POST", "/containers/create?name=box", body)

    def start(self) -> tuple[int, str]:
        return self._ask("POST", "/containers/box/start")

    def remove(self) -> tuple[int, str]:
        return self._ask("DELETE", "/containers/box?force=1&v=1")

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        status, answer = self.host.api(method, path, body)
        return status, answer.get("message", "") if isinstance(answer, dict) else ""

    def run(self, verdicts: tuple[int, ...], step: int, *, first: int = 0) -> None:
        before = self._baseline()
        n = first
        while True:
            verdict = verdicts[(n // step) % len(verdicts)]
            fault = Fault(n, verdict, self._concerns)
            self.prepare()
            self.host.tap.judge = fault
            try:
                status, message = self.act()
            except HTTP_ERRORS as error:
                status, message = 0, repr(error)
            self.host.tap.judge = everything_passes
            if fault.struck is not None:
                self._examine(fault, verdict, status, message, before)
                if "CORRAL_TEST_VERBOSE" in os.environ:
                    print(n, fault.struck.name, verdict, status, message, self.findings[-2:], flush=True)
            elif len(fault.seen) <= n:
                self._again()
                break
            n += step
        assert not self.findings, "\n".join(self.findings)

    def _baseline(self) -> dict[str, list[str]]:
        self.prepare()
        self.act()
        self._again()
        time.sleep(0.5)
        return self.host.rest()

    def _examine(self, fault: Fault, verdict: int, status: int, message: str, before: dict[str, list[str]]) -> None:
        assert fault.struck is not None
        name = "killed" if verdict == KILL else errno.errorcode[verdict]
        what = f"call {fault.n} {fault.struck.name}: {name} ({status} {message!r})"
        if verdict == KILL:
            self.host.restart()
        elif self.host.daemon is None or self.host.daemon.poll() is not None:
            self.findings.append(f"{what}: the daemon died: {self.host.log.read_text()[-1500:]}")
            self.host.restart()
        if status >= 400 and (message.lower() in _BARE or "Error(" in message or not message):
            self.findings.append(f"{what}: the error does not say what failed")
        try:
            self._again()
        except (AssertionError, *HTTP_ERRORS) as error:
            self.findings.append(f"{what}: the second try fails: {error}")
        if left := self._left(before):
            self.findings.append(f"{what} leaves {left}")
            before.update(self.host.rest())

    def _again(self) -> None:
        """From whatever is there to nothing, by way of a container that runs."""
        assert self.remove()[0] in (204, 404)
        for step in (self.create, self.start):
            status, message = step()
            assert status < 300, message
        status, state = self.host.api("GET", "/containers/box/json")
        assert status == 200
        assert state["State"]["Running"]
        assert state["NetworkSettings"]["Ports"]["80/tcp"]
        assert self.remove()[0] == 204
        assert self.host.api("GET", "/containers/json?all=1") == (200, [])

    def _left(self, before: dict[str, list[str]]) -> dict[str, object]:
        deadline = time.monotonic() + 4
        while True:
            now = self.host.rest()
            different: dict[str, object] = {
                key: (sorted(set(now[key]) - set(before[key])), sorted(set(before[key]) - set(now[key])))
                for key in before
                if now[key] != before[key]
            }
            if not different or time.monotonic() > deadline:
                return different
            time.sleep(0.05)


_BARE = {os.strerror(number).lower() for number in errno.errorcode}


class Creating(Sweep):
    def act(self) -> tuple[int, str]:
        return self.create()


class Starting(Sweep):
    def prepare(self) -> None:
        super().prepare()
        status, message = self.create()
        assert status == 201, message

    def act(self) -> tuple[int, str]:
        return self.start()


class Removing(Sweep):
    def prepare(self) -> None:
        super().prepare()
        status, message = self.create()
        assert status == 201, message
        assert self.start()[0] == 204

    def act(self) -> tuple[int, str]:
        return self.remove()


class Entering(Sweep):
    def prepare(self) -> None:
        super().prepare()
        status, message = self.create()
        assert status == 201, message
        assert self.start()[0] == 204

    def act(self) -> tuple[int, str]:
        status, answer = self.host.api("POST", "/containers/box/exec", {"Cmd": ["true"]})
        if status != 201:
            return status, answer["message"]
        return self._ask("POST", f"/exec/{answer['Id']}/start", {"Detach": True})


SWEEPS: list[Callable[[TappedHost], Sweep]] = [Creating, Starting, Entering, Removing]


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: sweep.__name__.lower())
def test_a_system_call_of_the_daemon_fails(tapped: TappedHost, sweep: Callable[[TappedHost], Sweep]) -> None:
    sweep(tapped).run(ERRORS, STEP)


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: sweep.__name__.lower())
def test_the_daemon_is_killed(tapped: TappedHost, sweep: Callable[[TappedHost], Sweep]) -> None:
    sweep(tapped).run((KILL,), DEATHS, first=3)
