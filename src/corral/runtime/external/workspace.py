"""Where a runtime finds and leaves its files: a directory of its own in the bundle.

::

    containers/ID/oci/
    ├── config.json          the description, complete
    ├── rootfs/              mount point of the root, in the mount namespace of the runtime's create only
    ├── binds/N              mount points of binds whose owners are mapped, there as well
    ├── reaper               the program of process 1 with --init
    ├── state/               the runtime's --root
    ├── NAME.pid             --pid-file; NAME is "init", or an exec's id
    ├── NAME.json            --process of an exec
    ├── NAME.log             --log of a command, as long as it runs; NAME is the process's or the command's
    ├── NAME.out             what such a command has printed
    └── NAME.console         --console-socket, until the terminal has come
"""

from __future__ import annotations

import os
from typing import Final

INIT: Final = "init"


class Workspace:
    def __init__(self, bundle: str, cgroup: str = "") -> None:
        """``cgroup``: the container's, as its description has it."""
        self.bundle = bundle
        self.path = f"{bundle}/oci"
        self.config = f"{self.path}/config.json"
        self.rootfs = f"{self.path}/rootfs"
        self.binds = f"{self.path}/binds"
        self.reaper = f"{self.path}/reaper"
        self.state = f"{self.path}/state"

        self.flags = ["--root", self.state]
        """Of every command, before its name."""
        if ":" in cgroup:  # a scope of systemd's
            self.flags.append("--systemd-cgroup")

    def make(self) -> None:
        """Raises OSError, FileExistsError when there is one of a creation that was cut short."""
        os.mkdir(self.path, 0o711)
        os.mkdir(self.rootfs, 0o755)
        os.mkdir(self.binds, 0o711)
        os.mkdir(self.state, 0o700)

    def mapped(self, number: int, *, directory: bool) -> str:
        """A new mount point. Raises OSError."""
        path = f"{self.binds}/{number}"
        if directory:
            os.mkdir(path, 0o755)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
        return path

    def knows(self, id: str) -> bool:
        """Whether the runtime has begun to make the container, and has not removed it itself."""
        return os.path.isdir(f"{self.state}/{id}")

    def pid_file(self, name: str) -> str:
        return f"{self.path}/{name}.pid"

    def process(self, name: str) -> str:
        return f"{self.path}/{name}.json"

    def log(self, name: str) -> str:
        return f"{self.path}/{name}.log"

    def output(self, name: str) -> str:
        return f"{self.path}/{name}.out"

    def console(self, name: str) -> str:
        return f"{self.path}/{name}.console"

    def pid(self, name: str) -> int:
        """What the runtime wrote, 0 when it is nothing sensible."""
        try:
            with open(self.pid_file(name), "rb") as file:
                return int(file.read(32))
        except (OSError, ValueError):
            return 0
