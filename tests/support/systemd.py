"""A real systemd: process 1 of namespaces that the test makes, with nothing but a system bus beside it.

What it manages is a group of this machine's in each hierarchy, which it sees as the root. ``unified``: version 2 alone;
``hybrid``: version 1, and version 2 for the core files; ``legacy``: version 1 alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corral.runtime.cgroups import Hierarchies

VIEWS = ("unified", "hybrid", "legacy")
_SYSTEMD = "/lib/systemd/systemd"

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
directory=$1 view=$2 v1=$3
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
umount -R -l /sys/fs/cgroup
case $view in
unified) mount -t cgroup2 cgroup2 /sys/fs/cgroup ;;
*)
	mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
	for controllers in $v1; do
		mkdir "/sys/fs/cgroup/$controllers"
		mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers"
	done
	mkdir /sys/fs/cgroup/systemd
	mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
	if [ "$view" = hybrid ]; then
		mkdir /sys/fs/cgroup/unified
		mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
	fi ;;
esac
mkdir /run/dbus
touch "$directory/console"
mount --bind "$directory/console" /dev/console
export container=test SYSTEMD_UNIT_PATH="$directory/units:/run/systemd/transient"
legacy=
[ "$view" != legacy ] || legacy=systemd.legacy_systemd_cgroup_controller=1
exec {systemd} --system --unit=test.target --log-target=console --show-status=0 $legacy
"""

_JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class System:
    """``pid`` of its systemd; ``groups``: the roots of what it manages; ``directory``: where its console is."""

    pid: int
    view: str
    groups: tuple[Path, ...]
    directory: Path

    @property
    def enter(self) -> list[str]:
        """What a command is prefixed with to run inside: with systemd's processes, mounts and groups."""
        places = [str(group / "visitors") for group in self.groups]  # systemd may only move what it can see
        return ["sh", "-c", _JOIN, "sh", *places, "--", *_enter(self.pid), "--"]

    def run(self, *command: str | Path, check: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """A command inside. ``check`` raises AssertionError with both streams and the end of systemd's console."""
        done = subprocess.run(
            [*self.enter, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
        )
        if check:
            said = f"{command} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
            assert done.returncode == 0, f"{said}\n{(self.directory / 'console').read_text()[-3000:]}"
        return done

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        """As ``systemctl show`` prints them."""
        shown = self.run("systemctl", "show", unit, *(f"--property={name}" for name in names)).stdout
        return dict(line.split("=", 1) for line in shown.splitlines())

    def units(self, pattern: str) -> list[str]:
        """The names of loaded units."""
        listed = self.run("systemctl", "list-units", "--all", "--plain", "--no-legend", pattern).stdout
        return [line.split()[0] for line in listed.splitlines()]


def missing(view: str) -> str:
    """Why a systemd cannot be run here with this view of the groups, "" when it can."""
    if os.geteuid():
        return "root is needed"
    for path in (_SYSTEMD, shutil.which("dbus-daemon") or "dbus-daemon", shutil.which("busctl") or "busctl"):
        if not os.path.exists(path):
            return f"{os.path.basename(path)} is not installed"
    hierarchies = Hierarchies.of_host()
    memory = hierarchies.of("memory")
    if memory is None:
        return "there is no memory controller"
    if (memory.version == 2) != (view == "unified"):
        return f"the memory controller is in version {memory.version} of control groups"
    if view == "hybrid" and hierarchies.v2 is None:
        return "version 2 of control groups is not mounted"
    return ""


@contextlib.contextmanager
def running(view: str, mark: str) -> Iterator[System]:
    """Raises AssertionError with its console when it does not come up."""
    hierarchies = Hierarchies.of_host()
    v1 = [sorted(h.controllers) for h in hierarchies.v1 if view != "unified"]
    roots = [h.mount_point for h in (hierarchies.v1 if view != "unified" else ())]
    if hierarchies.v2 is not None and view != "legacy":
        roots.append(hierarchies.v2.mount_point)
    with tempfile.TemporaryDirectory(prefix=f"{mark}-systemd-") as base:
        directory = Path(base)
        directory.chmod(0o755)
        (directory / "units").mkdir()
        for name, text in _UNITS.items():
            (directory / "units" / name).write_text(text)
        groups = tuple(Path(root, directory.name) for root in roots)
        process = None
        try:
            for group in groups:
                _make(group)
            controllers = " ".join(",".join(names) for names in v1 if "name=systemd" not in names)
            script = _INIT.replace("{systemd}", _SYSTEMD)
            command = ["unshare", "-m", "-p", "-C", "-u", "-i", "--fork", "--kill-child"]
            command += ["sh", "-ec", script, "sh", str(directory), view, controllers]
            process = subprocess.Popen(["sh", "-c", _JOIN, "sh", *groups, "--", *command])
            pid = _when_ready(process.pid, groups, directory)
            for group in groups:
                _make(group / "visitors")
            yield System(pid, view, groups, directory)
        finally:
            if process is not None:
                process.kill()  # --kill-child: process 1 ends with it, and all others with process 1
                process.wait()
            _remove(groups)


def _make(group: Path) -> None:
    group.mkdir()
    if (group / "cpuset.effective_cpus").exists():  # version 1: a new group has none, and cannot be entered
        for name in ("cpuset.cpus", "cpuset.mems"):
            (group / name).write_text((group.parent / name).read_text())


def _when_ready(unshare: int, groups: Sequence[Path], directory: Path) -> int:
    deadline = time.monotonic() + 200  # seconds: an emulated machine is slow
    while time.monotonic() < deadline:
        children = Path(f"/proc/{unshare}/task/{unshare}/children")
        pid = next(iter(children.read_text().split()), "") if children.exists() else ""
        if pid and Path(f"/proc/{pid}/comm").read_text() == "systemd\n":
            # A group with processes of its own cannot have controllers for those below it.
            for group in groups:
                (group.parent / "cgroup.procs").write_text(str(unshare))
        if pid and os.path.exists(f"/proc/{pid}/root/run/dbus/system_bus_socket"):
            path, name = "/org/freedesktop/systemd1", "org.freedesktop.systemd1"
            ping = ["busctl", "--system", "call", name, path, "org.freedesktop.DBus.Peer", "Ping"]
            if subprocess.run([*_enter(int(pid)), "--", *ping], capture_output=True, check=False).returncode == 0:
                return int(pid)
        time.sleep(0.1)
    console = directory / "console"
    raise AssertionError(f"systemd did not come up: {console.read_text() if console.exists() else 'no console'}")


def _enter(pid: int) -> list[str]:
    return ["nsenter", "-t", str(pid), "-m", "-p", "-C"]


def _remove(groups: Sequence[Path]) -> None:
    deadline = time.monotonic() + 10
    while (left := [group for group in groups if group.exists()]) and time.monotonic() < deadline:
        for group in left:
            inner = (path for path in group.rglob("*") if path.is_dir())
            for directory in [*sorted(inner, reverse=True), group]:
                with contextlib.suppress(OSError):
                    directory.rmdir()
        time.sleep(0.02)
