"""A root of other people's container engines to run beside us, with our runtime in it; all of it ends with ``close``.

The root is ``$CORRAL_PEERS/sid``, a Debian with podman, buildah, containerd and dockerd, seen through an overlay: what
tests change in it is theirs. Mounts, network and processes are in namespaces of their own, which end with the first
process in there. Cgroups are named with the run's mark, and removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import corral

PEERS = Path(os.environ.get("CORRAL_PEERS", "/tmp/peers"))
ROOT = PEERS / "sid"
RUNTIME = "/usr/local/bin/corral-oci"
ARCHIVE = PEERS / "busybox.tar"
PATIENCE = 30.0

_SETUP = """
import os, sys
from corral.linux import mount as m
root, scratch, *shown = sys.argv[1:]
at = f"{scratch}/root"
m.mount(None, "/", None, m.MS_REC | m.MS_PRIVATE, None)
m.mount("overlay", at, "overlay", 0, f"lowerdir={root},upperdir={scratch}/upper,workdir={scratch}/work")
m.mount("proc", f"{at}/proc", "proc", 0, None)
for name in ("run", "tmp"):
    m.mount("tmpfs", f"{at}/{name}", "tmpfs", 0, None)
for source, path in [("/sys", "/sys"), ("/dev", "/dev"), (f"{scratch}/storage", "/storage"), *((p, p) for p in shown)]:
    os.makedirs(at + path, exist_ok=True)
    m.mount(source, at + path, None, m.MS_BIND | m.MS_REC, None)
os.chdir(at)
m.pivot_root(".", ".")
m.umount2(".", m.MNT_DETACH)
os.chdir("/")
os.write(1, b"ready\\n")
os.execv("/usr/bin/sleep", ["sleep", "infinity"])
"""
"""Not a mere chroot: who enters a mount namespace gets the namespace's root, and would leave one."""

_WRAPPER = """#!{executable}
import sys
sys.path.insert(0, {source!r})
from corral.runtime.command.main import main
main()
"""


def missing(program: str) -> str:
    """What is missing for a test with ``program`` of the root, or ""."""
    if not any((ROOT / place / program).exists() for place in ("usr/bin", "usr/sbin")):
        return f"there is no {program} in {ROOT}"
    if not ARCHIVE.exists():
        return f"there is no {ARCHIVE}"
    if sys.base_prefix in ("/", "/usr", "/usr/local"):
        return "the interpreter has no prefix of its own that could be shown to another system"
    return ""


class PeerRoot:
    def __init__(self, scratch: Path, mark: str) -> None:
        self.mark = mark
        self.scratch = scratch
        for name in ("root", "upper", "work", "storage"):
            (scratch / name).mkdir()
        source = str(Path(corral.__file__).parents[1])
        shown = dict.fromkeys([sys.base_prefix, sys.prefix, source])
        setup = [sys.executable, "-c", _SETUP, str(ROOT), str(scratch), *shown]
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", *setup]
        self._holder = subprocess.Popen(unshare, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            self.close()
            raise RuntimeError("the peers' root cannot be set up")
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
        self._enter = ["nsenter", "-t", children[0], "-m", "-n", "-p"]
        self.write(RUNTIME, _WRAPPER.format(executable=sys.executable, source=source), 0o755)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file of the root, whose directory is made."""
        self.run("sh", "-c", f"mkdir -p $(dirname {path}) && cat > {path} && chmod {mode:o} {path}", stdin=text)

    def call(
        self, *command: str, stdin: str | bytes | None = None, timeout: float = PATIENCE, env: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[str]:
        """Run it in there, whatever its status."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [*self._enter, *command],
            input=data,
            **({} if data is not None else {"stdin": subprocess.DEVNULL}),
            capture_output=True,
            timeout=timeout,
            check=False,
            env={**_environment(), **env},
        )
        return subprocess.CompletedProcess(
            command, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def run(self, *command: str, stdin: str | bytes | None = None, timeout: float = PATIENCE) -> str:
        """What it prints. Fails the test when it fails."""
        done = self.call(*command, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def daemon(self, *command: str, log: str) -> subprocess.Popen[bytes]:
        """Start it in there; it ends with the root."""
        with open(self.scratch / log, "wb") as file:
            return subprocess.Popen(
                [*self._enter, *command], stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=_environment()
            )

    def wait_for(self, *command: str) -> None:
        """Until it succeeds."""
        deadline = time.monotonic() + PATIENCE
        while (done := self.call(*command)).returncode:
            assert time.monotonic() < deadline, f"{' '.join(command)}: {done.stderr}"
            time.sleep(0.1)

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
        if self._holder.stdout is not None:
            self._holder.stdout.close()
        _remove_cgroups(self.mark)
        _remove(self.scratch)


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}


def _remove_cgroups(mark: str) -> None:
    """Their processes have been killed, and are gone in a moment."""
    roots = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup" in line]
    deadline = time.monotonic() + PATIENCE
    for root in roots:
        for top in Path(root).glob(f"*{mark}*"):
            for directory in sorted([top, *(p for p in top.rglob("*") if p.is_dir())], reverse=True):
                while True:
                    try:
                        directory.rmdir()
                        break
                    except FileNotFoundError:
                        break
                    except OSError:
                        if time.monotonic() > deadline:
                            raise
                        time.sleep(0.01)


def _remove(scratch: Path) -> None:
    """The mounts in there were those of a namespace that has ended."""
    deadline = time.monotonic() + PATIENCE
    while scratch.exists() and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            shutil.rmtree(scratch)
            return
        time.sleep(0.05)
