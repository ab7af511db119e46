"""A test host whose daemon runs behind a tap."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from support.host import TestHost
from support.tap import Tap


class Spawned:
    """What a test host asks of its daemon's process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, timeout: float = 30) -> int:
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("corrald", timeout)
            time.sleep(0.01)
        return status

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class TappedHost(TestHost):
    """``tap`` sees the daemon, and the supervisor and the containers that it starts; each daemon has its own."""

    __test__ = False

    def __init__(self, mark: str) -> None:
        super().__init__(mark)
        self._taps: list[Tap] = []

    @property
    def tap(self) -> Tap:
        return self._taps[-1]

    def start(self, *flags: str) -> None:
        program = Path(sys.executable).parent / "corrald"
        nsenter = shutil.which("nsenter")
        assert nsenter is not None
        self._taps.append(Tap())
        with self.log.open("ab") as log:
            pid = self.tap.spawn(
                [
                    nsenter, f"--net=/run/netns/{self.name}", program, "--data-root", self.data_root,
                    "--exec-root", self.exec_root, "--pidfile", self.base / "corrald.pid", "-H", self.url,
                    "--cgroup-parent", self.cgroup_parent, *self.flags, *flags,
                ],
                output=log.fileno(),
                environment={**os.environ, "CORRAL_TEST_HOST": self.name},
            )  # fmt: skip
        self.daemon = Spawned(pid)  # type: ignore[assignment]
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.daemon.poll() is None:
            if self._answers():
                return
            time.sleep(0.02)
        raise RuntimeError(f"corrald did not start:\n{self.log.read_text()[-4000:]}")

    def is_daemon(self, thread: int) -> bool:
        return self.daemon is not None and os.path.exists(f"/proc/{self.daemon.pid}/task/{thread}")

    def api(self, method: str, path: str, body: Any = None, *, timeout: float = 30) -> tuple[int, Any]:
        """Status and body. Raises OSError and HTTPException when the daemon dies."""
        connection = _Connection(str(self.socket), timeout)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, f"/v1.47{path}", data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text.strip() else None
        finally:
            connection.close()

    def close(self) -> None:
        super().close()
        for tap in self._taps:
            tap.close()

    def rest(self) -> dict[str, list[str]]:
        """All that containers consist of, as far as it is there."""
        roots = [
            line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup" in line
        ]
        groups = [path for root in roots for path in Path(root + self.cgroup_parent).glob("**/")]
        links = self.inside("ip", "-o", "link").stdout.splitlines()
        rules = self.inside("nft", "list", "ruleset").stdout.splitlines()
        return {
            "files": sorted(self._files(self.data_root) + self._files(self.exec_root)),
            "mounts": [line.split()[4] for line in _mounts() if str(self.base) in line],
            "cgroups": sorted(str(path) for path in groups if path.name not in ("", self.name)),
            "interfaces": sorted(line.split(": ")[1].partition("@")[0] for line in links),
            "rules": [line.strip() for line in rules if "elem" in line],
            "namespaces": sorted(p.name for p in Path("/run/netns").glob(f"{self.name}*")),
            "descriptors": [str(len(os.listdir(f"/proc/{pid}/fd"))) for pid in self._engine()],
            "processes": [str(len(self._engine()))],
        }

    def _engine(self) -> list[int]:
        return sorted(self.processes("supervisor/main.py"))

    def _files(self, root: Path) -> list[str]:
        found = []
        for directory, names, files in os.walk(root):
            where = Path(directory).relative_to(self.base)
            if "trash" in where.parts or "diff" in where.parts or "work" in where.parts:
                names.clear()
                continue
            found += [str(where / name) for name in [*names, *files] if not name.endswith((".log", "-wal", "-shm"))]
        return found


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        with contextlib.ExitStack() as undo:
            undo.callback(self.sock.close)
            self.sock.connect(self._path)
            undo.pop_all()


def _mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()
