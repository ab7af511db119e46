"""A test host: one engine in a network namespace of its own, with its own roots, socket and cgroup parent.

Nothing of it is on the machine's defaults, so several stand side by side, and ``close`` removes everything even after a
test that failed or that killed the engine's processes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import docker

_numbers = itertools.count()
_HOST = "CORRAL_TEST_HOST"


class TestHost:
    """Starts nothing until ``start``; all paths lie below ``base``, whose name carries the run's mark."""

    __test__ = False

    def __init__(
        self, mark: str, *, flags: Sequence[str] = (), enter: Sequence[str] = (), cgroup_parent: str = ""
    ) -> None:
        """``enter``: what the daemon's command is prefixed with, to run it in other namespaces."""
        worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
        self.name = f"{mark}-{worker or 'm'}{next(_numbers)}"
        self.base = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.base.chmod(0o755)
        self.data_root = self.base / "data"
        self.exec_root = self.base / "run"
        self.socket = self.base / "corral.sock"
        self.url = f"unix://{self.socket}"
        self.log = self.base / "corrald.log"
        self.cgroup_parent = cgroup_parent or f"/{self.name}"
        self.enter = list(enter)
        self.flags = list(flags)
        self.daemon: subprocess.Popen[bytes] | None = None
        self._uplink: contextlib.ExitStack | None = None
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.inside("ip", "link", "set", "lo", "up")

    # --- the daemon

    def start(self, *flags: str) -> None:
        """Starts the daemon and waits until it answers. Raises RuntimeError with its log when it ends instead."""
        program = Path(sys.executable).parent / "corrald"
        with self.log.open("ab") as log:
            self.daemon = subprocess.Popen(
                [
                    "nsenter", f"--net=/run/netns/{self.name}", *self.enter, program, "--data-root", self.data_root,
                    "--exec-root", self.exec_root, "--pidfile", self.base / "corrald.pid", "-H", self.url,
                    "--cgroup-parent", self.cgroup_parent, *self.flags, *flags,
                ],
                env={**os.environ, _HOST: self.name},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 90  # seconds: an emulated machine is slow
        while time.monotonic() < deadline:
            if self.daemon.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.02)
        raise RuntimeError(f"corrald did not start:\n{self.log.read_text()[-4000:]}")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(self.socket))
            probe.sendall(b"GET /_ping HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            return b" 200 " in probe.recv(100)
        return False

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """Ends the daemon by ``sig``; containers are left to themselves. Returns its exit status."""
        assert self.daemon is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._daemon_pid(), sig)
        status = self.daemon.wait(30)
        self.daemon = None
        return status

    def _daemon_pid(self) -> int:
        """Who enters a PID namespace waits outside of it for a child there."""
        assert self.daemon is not None
        pid = self.daemon.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        if Path(f"/proc/{pid}/comm").read_text() == "nsenter\n" and (inside := children.read_text().split()):
            return int(inside[0])
        return pid

    def restart(self, sig: int = signal.SIGKILL) -> None:
        self.stop(sig)
        self.start()

    def processes(self, word: str = "") -> list[int]:
        """Pids of the engine's own processes (not the containers') whose command line contains ``word``."""
        needle = f"{_HOST}={self.name}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if needle in (entry / "environ").read_bytes() and word in command:
                        found.append(int(entry.name))
        return found

    # --- clients

    def docker(
        self, *arguments: str | Path, check: bool = True, input: str | bytes | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """The docker command line client against this host. ``check`` raises AssertionError with both streams."""
        return _run(["docker", "-H", self.url, *map(str, arguments)], check=check, input=input, timeout=timeout)

    def corral(
        self, *arguments: str | Path, check: bool = True, input: str | bytes | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Our own client against this host."""
        program = str(Path(sys.executable).parent / "corral")
        return _run([program, "-H", self.url, *map(str, arguments)], check=check, input=input, timeout=timeout)

    def sdk(self) -> docker.DockerClient:
        """docker-py against this host; the caller closes it."""
        return docker.DockerClient(base_url=self.url, version="auto")

    def inside(self, *arguments: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """A command in the host's network namespace."""
        command = ["nsenter", f"--net=/run/netns/{self.name}", *arguments]
        return _run(command, check=check, input=None, timeout=timeout)

    def import_busybox(self, archive: Path, tag: str = "busybox:latest") -> None:
        self.docker("import", "--change", 'CMD ["sh"]', archive, tag)

    # --- the way out

    def uplink(self) -> None:
        """Connects the host to the machine's own network by a veth pair and address translation, for mirrors."""
        if self._uplink is not None:
            return
        with contextlib.ExitStack() as undo:
            outer, table = self.name.replace("-", ""), self.name.replace("-", "_")
            number = os.getpid() % 200 + 20
            _run(["ip", "link", "add", outer, "type", "veth", "peer", "name", "up0", "netns", self.name])
            undo.callback(_run, ["ip", "link", "del", outer], check=False)
            _run(["ip", "addr", "add", f"10.213.{number}.1/30", "dev", outer])
            _run(["ip", "link", "set", outer, "up"])
            self.inside("ip", "addr", "add", f"10.213.{number}.2/30", "dev", "up0")
            self.inside("ip", "link", "set", "up0", "up")
            self.inside("ip", "route", "add", "default", "via", f"10.213.{number}.1")
            forward = Path("/proc/sys/net/ipv4/ip_forward")
            undo.callback(forward.write_text, forward.read_text())
            forward.write_text("1")
            rule = f"table ip {table} {{ chain post {{ type nat hook postrouting priority 100; "
            rule += f"ip saddr 10.213.{number}.0/30 masquerade; }}; }}"
            _run(["nft", "-f", "-"], input=rule)
            undo.callback(_run, ["nft", "delete", "table", "ip", table], check=False)
            self._uplink = undo.pop_all()

    # --- the end

    def close(self) -> None:
        """Removes all of it, whatever state it is in."""
        if self._uplink is not None:
            self._uplink.close()
        if self.daemon is not None:
            with contextlib.suppress(OSError):
                self.daemon.kill()
            self.daemon.wait(10)
        self._end_processes()
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            target = line.split()[4]
            if target.startswith(f"{self.base}/"):
                subprocess.run(["umount", "-l", target], check=False, capture_output=True)
        for directory in self._cgroups():
            for path in [*sorted(directory.rglob("*/"), key=lambda p: -len(p.parts)), directory]:
                with contextlib.suppress(OSError):
                    path.rmdir()
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        shutil.rmtree(self.base, ignore_errors=True)

    def _end_processes(self) -> None:
        """Engine processes first, or the keeper would start the supervisor again; then what runs in the cgroups."""
        deadline = time.monotonic() + 10
        while (pids := [*self.processes(), *self._contained()]) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def _cgroups(self) -> list[Path]:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        roots = [Path(line.split()[4]) for line in lines if " - cgroup" in line]
        return [root / self.cgroup_parent[1:] for root in roots if (root / self.cgroup_parent[1:]).is_dir()]

    def _contained(self) -> Iterator[int]:
        for directory in self._cgroups():
            for procs in directory.rglob("cgroup.procs"):
                with contextlib.suppress(OSError):
                    yield from (int(pid) for pid in procs.read_text().split())


def _run(
    command: list[str], *, check: bool = True, input: str | bytes | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    data = input.encode() if isinstance(input, str) else input
    done = subprocess.run(
        command,
        input=data,
        stdin=subprocess.DEVNULL if data is None else None,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    text = subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )
    if check:
        assert text.returncode == 0, f"{command} -> {text.returncode}\n{text.stdout}\n{text.stderr}"
    return text


def busybox_archive(directory: Path) -> Path:
    """A tar archive of a root file system with nothing but the static busybox and its applets."""
    archive = directory / "busybox.tar"
    if archive.exists():
        return archive
    root = directory / "rootfs"
    for name in ("bin", "proc", "sys", "dev", "tmp", "etc", "root", "var", "home"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", root / "bin" / "busybox")
    applets = subprocess.run([root / "bin" / "busybox", "--list"], capture_output=True, text=True, check=True)
    for applet in applets.stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\nuser:x:1000:\nextra:x:2000:user\n")
    partial = archive.with_suffix(".partial")
    subprocess.run(["tar", "-C", root, "--numeric-owner", "--owner=0", "--group=0", "-cf", partial, "."], check=True)
    partial.rename(archive)
    shutil.rmtree(root)
    return archive
