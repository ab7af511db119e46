"""The competitors: what answers at a socket, and runtimes that are started directly."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.host import TestHost, busybox_archive

PEERS = Path(os.environ.get("CORRAL_PEERS", "/tmp/peers"))


@dataclass(frozen=True)
class Engine:
    """An engine behind a socket; ``pids`` are its own processes, those of containers excluded."""

    name: str
    url: str
    processes: tuple[str, ...]
    host: TestHost | None = None

    def docker(self, *arguments: str) -> str:
        done = subprocess.run(
            ["docker", "-H", self.url, *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{self.name}: docker {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def memory(self) -> int:
        """Proportional set size of the engine's processes, in bytes."""
        return sum(_pss(pid) for pid in self.pids())

    def pids(self) -> list[int]:
        if self.host is not None:
            return self.host.processes()
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and _command(entry).startswith(self.processes) and str(PEERS) in _root(entry)
        ]


def _command(entry: Path) -> str:
    with contextlib.suppress(OSError):
        return Path((entry / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")).name
    return ""


def _root(entry: Path) -> str:
    with contextlib.suppress(OSError):
        return str((entry / "root").readlink())
    return ""


def _pss(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def engines(names: list[str]) -> Iterator[list[Engine]]:
    """The named engines, those that run beside us and one corral of our own; all hold busybox:latest."""
    with contextlib.ExitStack() as stack:
        result = []
        for name in names:
            if name == "corral":
                result.append(stack.enter_context(corral()))
            elif (PEERS / f"{name}.sock").exists():
                processes = {"docker": ("dockerd", "containerd", "docker-proxy"), "podman": ("podman", "conmon")}
                result.append(Engine(name, f"unix://{PEERS}/{name}.sock", processes[name]))
                _remove_leftovers(result[-1])
        yield result


def _remove_leftovers(engine: Engine) -> None:
    """Of a bench that was cut short."""
    left = engine.docker("ps", "-aq", "--filter", "name=^/?bench-").split()
    if left:
        engine.docker("rm", "-f", *left)


@contextlib.contextmanager
def corral() -> Iterator[Engine]:
    os.environ.setdefault("CORRAL_TEST_MARK", f"ctb{os.getpid() % 10000}")
    with tempfile.TemporaryDirectory() as scratch:
        host = TestHost(os.environ["CORRAL_TEST_MARK"])
        try:
            host.start()
            host.import_busybox(busybox_archive(Path(scratch)))
            yield Engine("corral", host.url, (), host)
        finally:
            host.close()


@contextlib.contextmanager
def runtime(name: str) -> Iterator[list[str]]:
    """A bare OCI runtime of the peers, or "corral-oci", with a busybox bundle: the command that runs ``true`` there.

    All enter the same namespaces on their way, and change root: ours to the one that it has.
    """
    root = PEERS / "sid"
    bundle = root / "tmp" / f"bench-{name}"
    (bundle / "rootfs").mkdir(parents=True)
    inside = f"/tmp/bench-{name}"
    mounts = f"mount --make-rprivate /; mount --bind {root} {root}; mount -t proc proc {root}/proc; "
    mounts += f"mount --rbind /sys {root}/sys; mount --rbind /dev {root}/dev; echo ready; exec sleep 1000"
    holder = subprocess.Popen(["unshare", "-m", "sh", "-c", mounts], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        enter = ["nsenter", "--net=/run/netns/peers", f"--mount=/proc/{holder.pid}/ns/mnt", "chroot", str(root)]
        subprocess.run(["tar", "-C", bundle / "rootfs", "-xf", PEERS / "busybox.tar"], check=True)
        subprocess.run([*enter, "runc", "spec", "-b", inside], check=True)
        config = json.loads((bundle / "config.json").read_text())
        config["process"] |= {"terminal": False, "args": ["/bin/true"], "rlimits": []}
        (bundle / "config.json").write_text(json.dumps(config))
        if name == "corral-oci":
            ours = str(Path(sys.executable).parent / name)
            yield [*enter[:-1], "/", ours, "run", "-b", str(bundle), f"bench-{name}"]
        else:
            yield [*enter, name, "run", "-b", inside, f"bench-{name}"]
    finally:
        holder.kill()
        holder.wait()
        subprocess.run(["rm", "-rf", bundle], check=True)
