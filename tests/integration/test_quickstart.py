"""The README's first command, on a machine that has never seen the engine: defaults everywhere, all of it private."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.host import TestHost

CHECKOUT = Path(__file__).resolve().parents[2]


class Machine:
    """A mount namespace in which /run, /etc and the data root are the test's own, and a network namespace as well."""

    def __init__(self, host: TestHost) -> None:
        self.host = host
        etc, run, data = (host.base / name for name in ("etc", "machine-run", "machine-data"))
        shutil.copytree("/etc", etc, symlinks=True)
        (etc / "corral").mkdir()
        (etc / "corral" / "daemon.json").write_text(json.dumps({"cgroup-parent": host.cgroup_parent}))
        run.mkdir()
        data.mkdir()
        mounts = f"mount --make-rprivate / && mount --bind {etc} /etc && mount --bind {run} /run && "
        mounts += f"mkdir -p /var/lib/corral && mount --bind {data} /var/lib/corral && echo ready && exec sleep 1000"
        self.holder = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{host.name}", "unshare", "-m", "sh", "-c", mounts],
            stdout=subprocess.PIPE,
            env={**os.environ, "CORRAL_TEST_HOST": host.name},
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == b"ready\n"

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", f"--net=/run/netns/{self.host.name}", f"--mount=/proc/{self.holder.pid}/ns/mnt"]
        return subprocess.run(
            [*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(CHECKOUT), *command],
            env={**os.environ, "CORRAL_TEST_HOST": self.host.name, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def close(self) -> None:
        self.holder.kill()
        self.holder.wait()


@pytest.fixture
def machine(mark: str) -> Iterator[Machine]:
    host = TestHost(mark)
    machine = Machine(host)
    try:
        yield machine
    finally:
        machine.close()
        host.close()


@pytest.mark.requires("root", "namespaces", "cgroup", "overlay", "busybox", "ip")
def test_quickstart_shows_an_isolated_container_and_runs_commands(machine: Machine) -> None:
    shown = machine.run("./quickstart", CORRAL_QUICKSTART_IMAGE="busybox")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for fact in ("hostname   first", "memory     64 MiB", "is not there"):
        assert fact in shown.stdout, shown.stdout + shown.stderr
    assert "process 1  sh -c" in shown.stdout
    assert "address    172." in shown.stdout
    again = machine.run("./quickstart", "echo", "hello", CORRAL_QUICKSTART_IMAGE="busybox")
    assert (again.returncode, again.stdout) == (0, "hello\n"), again.stderr
    failing = machine.run("./quickstart", "sh", "-c", "exit 7", CORRAL_QUICKSTART_IMAGE="busybox")
    assert failing.returncode == 7
