"""Containers without an engine: a busybox root, a spec like the engine's, a process that clones as the supervisor does.

``in_box`` forks first, because cloning wants a process with one thread, which a test worker is not.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from corral.linux.fd import recv_fds
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Capabilities, Linux, Mount, Namespace, Process, Spec
from corral.runtime.init import hooks
from corral.runtime.init.messages import GO
from corral.runtime.init.spawn import CgroupPlace, Child, Options, ProcessFds, spawn_container, spawn_exec
from corral.runtime.security import capabilities
from support.child import in_child

STRICT = ("nosuid", "noexec", "nodev")
MOUNTS = (
    Mount("/proc", "proc", "proc", STRICT),
    Mount("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
    Mount("/dev/pts", "devpts", "devpts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")),
    Mount("/sys", "sysfs", "sysfs", (*STRICT, "ro")),
    Mount("/sys/fs/cgroup", "cgroup", "cgroup", (*STRICT, "ro")),
    Mount("/dev/mqueue", "mqueue", "mqueue", STRICT),
    Mount("/dev/shm", "tmpfs", "shm", (*STRICT, "mode=1777", "size=65536k")),
)
MASKED = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi", "/proc/scsi", "/sys/firmware")
READONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
NAMESPACES = tuple(Namespace(kind) for kind in ("mount", "pid", "network", "ipc", "uts", "cgroup"))
USABLE = tuple(name for name in capabilities.DEFAULT if name in capabilities.available())
CAPABILITIES = Capabilities(bounding=USABLE, effective=USABLE, permitted=USABLE)
ENV = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
NEEDS = ("root", "namespaces", "busybox")
PATIENCE = 20.0
OPTIONS = Options(id="box")
_APPLETS = """
    awk cat chmod chown cut df echo env false find grep head hostname id ip kill ln ls mkdir mknod mount mv nsenter od
    ps readlink rm rmdir sed seq sh sleep sort stat stty tail test timeout touch tr true tty umount unshare wc
""".split()  # noqa: SIM905


def make_root(directory: Path, busybox: Path) -> Path:
    """A root filesystem with two users and some applets of ``busybox``, which is linked to."""
    (directory / "bin").mkdir(parents=True)
    for name in ("etc", "tmp", "root"):
        (directory / name).mkdir()
    (directory / "bin/busybox").hardlink_to(busybox)
    for applet in _APPLETS:
        (directory / "bin" / applet).symlink_to("busybox")
    (directory / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n")
    (directory / "etc/group").write_text("root:x:0:\nbob:x:1000:\naudio:x:29:bob\n")
    return directory


def process(*args: str, **fields: Any) -> Process:
    return Process(args=args, **{"env": ENV, "capabilities": CAPABILITIES, **fields})


def shell(script: str, **fields: Any) -> Process:
    return process("sh", "-c", script, **fields)


def spec(first: Process, *, mounts: Sequence[Mount] = (), linux: dict[str, Any] | None = None, **fields: Any) -> Spec:
    """What the engine would ask for, and more."""
    details = {"namespaces": NAMESPACES, "masked_paths": MASKED, "readonly_paths": READONLY, **(linux or {})}
    fields = {"hostname": "box", "mounts": (*MOUNTS, *mounts), **fields}
    return Spec(process=first, linux=Linux(**details), **fields)


class NoCgroup:
    """The cgroup of the test itself."""

    path = "/"

    def procs_files(self) -> list[str]:
        return []

    def open_v2(self) -> int | None:
        return None


@dataclasses.dataclass
class Outcome:
    """``code``: negative for a signal; ``out``: stdout and stderr, or what the terminal showed."""

    code: int
    out: str
    messages: list[dict[str, Any]]

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def error(self) -> str:
        return next((m["message"] for m in self.messages if m["type"] == "error"), "")

    @property
    def warnings(self) -> list[str]:
        return [m["message"] for m in self.messages if m["type"] == "warning"]


class Running:
    """One process that was cloned and told to go. ``hooked``: runs the runtime's hooks, given the child."""

    def __init__(
        self,
        clone: Callable[[ProcessFds], Child],
        *,
        stdin: bytes = b"",
        hooked: Callable[[int], bytes] = lambda _: b"",
    ) -> None:
        self._out, theirs = os.pipe2(os.O_CLOEXEC)
        source, sink = os.pipe2(os.O_CLOEXEC)
        os.write(sink, stdin)
        os.close(sink)
        self.child = clone(ProcessFds(source, theirs, theirs))
        os.close(theirs)
        os.close(source)
        with contextlib.suppress(BrokenPipeError):  # it has failed already, and says why
            self.child.sync.send(GO)
        self.messages: list[dict[str, Any]] = []
        self.master: int | None = None
        while data := self._receive():
            self.messages.append(json.loads(data))
            if self.messages[-1]["type"] == "hooks":
                self.child.sync.send(hooked(self.child.pid))
        if self.master is not None:
            os.close(self._out)
            self._out = self.master

    def _receive(self) -> bytes:
        self.child.sync.settimeout(PATIENCE)
        data, fds = recv_fds(self.child.sync, 1 << 16)
        if fds:
            (self.master,) = fds
        return data

    def read(self) -> str:
        """All output until it ends."""
        chunks = []
        with contextlib.suppress(OSError):  # a terminal ends with EIO
            while chunk := os.read(self._out, 1 << 16):
                chunks.append(chunk)
        return b"".join(chunks).decode(errors="replace").replace("\r\n", "\n")

    def read_until(self, text: str) -> str:
        seen = b""
        while text.encode() not in seen:
            chunk = os.read(self._out, 1 << 16)
            assert chunk, f"ended without {text!r}: {seen!r}"
            seen += chunk
        return seen.decode(errors="replace").replace("\r\n", "\n")

    def signal(self, number: int) -> None:
        signal.pidfd_send_signal(self.child.pidfd, number)

    def wait(self) -> int:
        _, status = os.waitpid(self.child.pid, 0)
        os.close(self.child.pidfd)
        self.child.sync.close()
        return os.waitstatus_to_exitcode(status)

    def finish(self) -> Outcome:
        out = self.read()
        os.close(self._out)
        return Outcome(self.wait(), out, self.messages)


class Box:
    """Clones in the current process, which must have one thread."""

    def __init__(self, rootfs: tuple[RootfsMount, ...], bundle: Path, cgroup: CgroupPlace) -> None:
        self.rootfs = rootfs
        self.bundle = bundle
        self.cgroup = cgroup

    def start(
        self,
        description: Spec,
        stdin: bytes = b"",
        *,
        options: Options = OPTIONS,
        extra: Sequence[int] = (),
        listen: int = 0,
    ) -> Running:
        def clone(fds: ProcessFds) -> Child:
            fds = dataclasses.replace(fds, extra=tuple(extra), listen=listen)
            return spawn_container(
                description, self.rootfs, fds=fds, cgroup=self.cgroup, bundle=str(self.bundle), options=options
            )

        def hooked(pid: int) -> bytes:
            assert description.hooks is not None
            facts = hooks.state(options.id, "creating", pid, str(self.bundle), description.annotations)
            return hooks.answer(description.hooks, facts)

        return Running(clone, stdin=stdin, hooked=hooked)

    def run(self, description: Spec, stdin: bytes = b"", **more: Any) -> Outcome:
        return self.start(description, stdin, **more).finish()

    @contextlib.contextmanager
    def running(self, description: Spec) -> Iterator[Running]:
        """Killed at the end."""
        running = self.start(description)
        assert not any(message["type"] == "error" for message in running.messages), running.messages
        try:
            yield running
        finally:
            running.signal(signal.SIGKILL)
            running.finish()

    def start_exec(self, container: Running, description: Spec, more: Process) -> Running:
        def clone(fds: ProcessFds) -> Child:
            return spawn_exec(container.child.pidfd, more, fds=fds, cgroup=self.cgroup, spec=description)

        return Running(clone)

    def exec(self, container: Running, description: Spec, more: Process) -> Outcome:
        return self.start_exec(container, description, more).finish()


def in_box(box: Box, scenario: Callable[[Box], Any]) -> Any:
    """``scenario(box)`` in a forked process; its result must have a JSON form, or be an Outcome."""

    def run() -> Any:
        signal.signal(signal.SIGALRM, _give_up)
        signal.alarm(round(2 * PATIENCE))
        try:
            answer = scenario(box)
        finally:
            _kill_children()
        return {"outcome": dataclasses.asdict(answer)} if isinstance(answer, Outcome) else {"answer": answer}

    reply = in_child(run)
    return Outcome(**reply["outcome"]) if "outcome" in reply else reply["answer"]


def run_script(box: Box, script: str, **fields: Any) -> Outcome:
    """A shell's, in a box of its own; ``fields``: as ``spec`` takes them."""
    outcome = in_box(box, lambda box: box.run(spec(shell(script), **fields)))
    assert isinstance(outcome, Outcome)
    return outcome


def untouched(host: Path) -> bool:
    """Whether the directory that the fixture ``host`` gave is as it was."""
    return [p.name for p in host.iterdir()] == ["secret"] and (host / "secret").read_text() == "the host's\n"


def _give_up(*_: object) -> None:
    raise TimeoutError("the scenario takes too long")


def _kill_children() -> None:
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        os.kill(int(pid), signal.SIGKILL)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.ESRCH
    return False
