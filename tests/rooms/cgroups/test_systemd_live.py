"""Scopes of a real systemd: process 1 of namespaces that the test makes, with nothing but a system bus beside it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.requires("root", "cgroup2")

MEGABYTE = 1 << 20
SYSTEMD = "/lib/systemd/systemd"

# systemd goes to the bus when it sees both units run.
_UNITS = {
    "dbus.socket": """\
[Unit]
DefaultDependencies=no
[Socket]
ListenStream=/run/dbus/system_bus_socket
""",
    "dbus.service": f"""\
[Unit]
DefaultDependencies=no
Requires=dbus.socket
After=dbus.socket
[Service]
ExecStart={shutil.which("dbus-daemon")} --system --address=systemd: --nofork --nopidfile
""",
    "test.target": """\
[Unit]
DefaultDependencies=no
Requires=dbus.socket dbus.service
""",
}

_INIT = """\
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /run/dbus
touch "$1/console"
mount --bind "$1/console" /dev/console
export container=test SYSTEMD_UNIT_PATH="$1/units:/run/systemd/transient"
exec {systemd} --system --unit=test.target --log-target=console --show-status=0
"""


@dataclass(frozen=True)
class System:
    """``pid`` of its systemd; ``group``: the root of what it manages; ``directory``: where its console is."""

    pid: int
    group: Path
    directory: Path


@pytest.fixture
def systemd(tmp_path: Path, mark: str) -> Iterator[System]:
    if not os.path.exists(SYSTEMD) or not shutil.which("dbus-daemon") or not shutil.which("busctl"):
        pytest.skip("systemd and dbus-daemon are not installed")
    units = tmp_path / "units"
    units.mkdir()
    for name, text in _UNITS.items():
        (units / name).write_text(text)
    group = Path("/sys/fs/cgroup", f"{mark}-systemd-{os.getpid()}")
    group.mkdir()
    command = 'echo $$ >$0/cgroup.procs && exec unshare -m -p -C -u -i --fork --kill-child sh -ec "$1" sh "$2"'
    script = _INIT.format(systemd=SYSTEMD)
    process = subprocess.Popen(["sh", "-c", command, group, script, tmp_path])
    try:
        yield System(_when_ready(process.pid, tmp_path), group, tmp_path)
    finally:
        (group / "cgroup.kill").write_text("1")
        process.wait()
        deadline = time.monotonic() + 10
        while group.exists() and time.monotonic() < deadline:
            for directory in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
                with contextlib.suppress(OSError):
                    directory.rmdir()
            with contextlib.suppress(OSError):
                group.rmdir()
            time.sleep(0.05)


def _when_ready(unshare: int, directory: Path) -> int:
    deadline = time.monotonic() + 200  # seconds: an emulated machine is slow
    while time.monotonic() < deadline:
        children = Path(f"/proc/{unshare}/task/{unshare}/children")
        pid = next(iter(children.read_text().split()), "") if children.exists() else ""
        if pid and Path(f"/proc/{pid}/comm").read_text() == "systemd\n":
            # A group with processes of its own cannot have controllers for those below it.
            Path("/sys/fs/cgroup/cgroup.procs").write_text(str(unshare))
        if pid and os.path.exists(f"/proc/{pid}/root/run/dbus/system_bus_socket"):
            path, name = "/org/freedesktop/systemd1", "org.freedesktop.systemd1"
            ping = ["busctl", "--system", "call", name, path, "org.freedesktop.DBus.Peer", "Ping"]
            if (
                subprocess.run(["nsenter", "-t", pid, "-m", "-p", "-C", "--", *ping], capture_output=True).returncode
                == 0
            ):
                return int(pid)
        time.sleep(0.1)
    console = directory / "console"
    pytest.fail(f"systemd did not come up: {console.read_text() if console.exists() else 'no console'}")


def test_scope_from_start_to_end(systemd: System) -> None:
    scenario = Path(__file__).parents[2] / "support/systemd_scenario.py"
    place = systemd.group / "scenario"  # systemd may only move what it can see
    place.mkdir()
    command = ["nsenter", "-t", str(systemd.pid), "-m", "-p", "-C", "--", sys.executable, scenario]
    enter = ["sh", "-c", 'echo $$ >"$0"/cgroup.procs && exec "$@"', place, *command]
    ran = subprocess.run(enter, capture_output=True, text=True, timeout=300)
    console = (systemd.directory / "console").read_text()
    assert ran.returncode == 0, f"{ran.stderr}\n{console[-3000:]}"
    seen: dict[str, Any] = json.loads(ran.stdout)
    assert seen.pop("cgroup") == "0::/test.slice/test-corral.slice/corral-abc.scope"
    created = seen.pop("created")
    assert created == {
        "ActiveState": "active",
        "Slice": "test-corral.slice",
        "Delegate": "yes",
        "MemoryMax": str(64 * MEGABYTE),
        "MemorySwapMax": str(32 * MEGABYTE),
        "TasksMax": "33",
        "CPUWeight": "100",
        "CPUQuotaPerSecUSec": "500ms",
    }
    updated = created | {"MemoryMax": str(80 * MEGABYTE), "MemorySwapMax": str(16 * MEGABYTE), "TasksMax": "44"}
    assert seen.pop("updated") == updated
    assert seen == {
        "warnings": [],
        "pids": True,
        "files": {"memory.max": str(64 * MEGABYTE), "pids.max": "33", "cpu.max": "50000 100000"},
        "files after reload": {"memory.max": str(80 * MEGABYTE), "pids.max": "44"},
        "refused": seen["refused"],
        "after refusal": ["44", "44"],
        "frozen": True,
        "kmsg": "Operation not permitted",
        "killed": True,
        "deleted": ["inactive", "inactive"],
        "left": [],
        "wrong": seen["wrong"],
        "after wrong": ["inactive", False],
    }
    assert "cgroup.max.depth" in seen["refused"]
    assert "memory.max" in seen["wrong"]
