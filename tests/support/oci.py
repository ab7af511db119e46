"""Our OCI runtime command line, run as its callers run it: as a program, on bundles with a busybox root."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import corral
from corral.runtime.command.spec import example
from support.boxes import make_root

PATIENCE = 20.0
SOURCE = str(Path(corral.__file__).parents[1])
PROGRAM = (
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {SOURCE!r}); from corral.runtime.command.main import main; main()",
)
USABLE_LIMIT = 256


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Runtime:
    """``root``: its --root; ``mark``: in the name of each cgroup and id."""

    def __init__(self, root: Path, mark: str) -> None:
        self.root = root
        self.mark = mark

    def call(
        self, *arguments: str, before: Sequence[str] = (), stdin: bytes = b"", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """``before``: global flags. Output goes to files: a detached process would keep a pipe open."""
        out, err = self.root.parent / "stdout", self.root.parent / "stderr"
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            done = subprocess.run(
                [*PROGRAM, "--root", str(self.root), *before, *arguments],
                stdout=stdout,
                stderr=stderr,
                input=stdin,
                timeout=PATIENCE * 2,
                check=False,
                **options,
            )
        texts = (path.read_text(errors="replace") for path in (out, err))
        return subprocess.CompletedProcess(arguments, done.returncode, *texts)

    def ok(self, *arguments: str, **options: Any) -> str:
        done = self.call(*arguments, **options)
        assert done.returncode == 0, f"{arguments}: {done.returncode}: {done.stderr}"
        return done.stdout

    def error(self, *arguments: str, **options: Any) -> str:
        """Its one line on standard error."""
        done = self.call(*arguments, **options)
        assert done.returncode, f"{arguments}: {done.stdout}"
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.rstrip("\n")

    def state(self, id: str) -> dict[str, Any]:
        return json.loads(self.ok("state", id))  # type: ignore[no-any-return]

    def status(self, id: str) -> str:
        return str(self.state(id)["status"])

    def close(self) -> None:
        for id in os.listdir(self.root) if self.root.exists() else ():
            self.call("delete", "--force", id)


class Bundle:
    """``config`` is written when ``path`` is asked for."""

    def __init__(self, directory: Path, busybox: Path, mark: str) -> None:
        self.directory = directory
        directory.mkdir()
        self.rootfs = make_root(directory / "rootfs", busybox)
        self.config = example()
        self.config["process"] |= {"terminal": False, "args": ["sleep", "1000"], "noNewPrivileges": False}
        limit = {"type": "RLIMIT_NOFILE", "hard": USABLE_LIMIT, "soft": USABLE_LIMIT}
        self.config["process"]["rlimits"] = [limit]
        self.config["root"]["readonly"] = False
        self.config["linux"]["cgroupsPath"] = f"/{mark}-oci/{directory.name}"

    @property
    def process(self) -> dict[str, Any]:
        return self.config["process"]  # type: ignore[no-any-return]

    @property
    def linux(self) -> dict[str, Any]:
        return self.config["linux"]  # type: ignore[no-any-return]

    @property
    def path(self) -> str:
        (self.directory / "config.json").write_text(json.dumps(self.config))
        return str(self.directory)

    def runs(self, *args: str) -> Bundle:
        self.process["args"] = list(args)
        return self

    def hook(self, kind: str, script: str, **fields: Any) -> Bundle:
        entry = {"path": "/bin/sh", "args": ["sh", "-c", script], **fields}
        self.config.setdefault("hooks", {}).setdefault(kind, []).append(entry)
        return self


def cgroups(mark: str) -> list[Path]:
    roots = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup" in line]
    return [path for root in roots for path in Path(root).glob(f"{mark}-oci/*") if path.is_dir()]


def remove_cgroups(mark: str) -> None:
    roots = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup" in line]
    for root in roots:
        for path in (*Path(root).glob(f"{mark}-oci/*/"), *Path(root).glob(f"{mark}-oci")):
            with contextlib.suppress(OSError):
                path.rmdir()


def copy_of_busybox(directory: Path) -> Path:
    program = shutil.which("busybox")
    assert program is not None
    return Path(shutil.copy(program, directory / "busybox"))


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
