"""``spec``: write a config.json to begin with."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from corral.errors import Conflict
from corral.oci.runtime import OCI_VERSION
from corral.runtime.command.arguments import BOOL, TEXT, Flag, Options
from corral.runtime.command.context import Context

__all__ = ["FLAGS", "USAGE", "example", "rootless", "run"]

FLAGS: Final = (
    Flag("bundle b", TEXT, "the bundle's directory (the current one)"),
    Flag("rootless", BOOL, "for a user who is not root"),
)
USAGE: Final = "[flags]"

_CAPABILITIES: Final = ("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")
_SHUT: Final = ("nosuid", "noexec", "nodev")
_MASKED: Final = (
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
    "/sys/firmware",
)  # fmt: skip
_READONLY: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def run(context: Context, options: Options) -> int:
    del context
    path = os.path.join(options.text("bundle") or ".", "config.json")
    config = example()
    if options.bool("rootless"):
        config = rootless(config, os.geteuid(), os.getegid())
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        raise Conflict("File config.json exists. Remove it first") from None
    with open(fd, "w") as file:
        file.write(json.dumps(config, indent="\t"))
    return 0


def example() -> dict[str, Any]:
    """A shell on a terminal, with a read-only root and little power."""
    return {
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {name: list(_CAPABILITIES) for name in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "corral",
        "mounts": [
            _mount("/proc", "proc", "proc"),
            _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
            _mount(
                "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"
            ),
            _mount("/dev/shm", "tmpfs", "shm", *_SHUT, "mode=1777", "size=65536k"),
            _mount("/dev/mqueue", "mqueue", "mqueue", *_SHUT),
            _mount("/sys", "sysfs", "sysfs", *_SHUT, "ro"),
            _mount("/sys/fs/cgroup", "cgroup", "cgroup", *_SHUT, "relatime", "ro"),
        ],
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "maskedPaths": list(_MASKED),
            "readonlyPaths": list(_READONLY),
        },
    }


def rootless(config: dict[str, Any], uid: int, gid: int) -> dict[str, Any]:
    """With a user namespace in which the caller is root, the host's network and no limits."""
    kinds = ("pid", "ipc", "uts", "mount", "cgroup", "user")
    mounts = []
    for mount in config["mounts"]:
        if mount["destination"] == "/sys":
            options = ["rbind", *_SHUT, "ro"]
            mount = {"destination": "/sys", "type": "none", "source": "/sys", "options": options}
        elif mount["destination"] == "/sys/fs/cgroup":
            continue
        options = [option for option in mount.get("options", ()) if not option.startswith(("gid=", "uid="))]
        mounts.append({**mount, **({"options": options} if options else {})})
    linux = {name: value for name, value in config["linux"].items() if name != "resources"}
    linux |= {
        "namespaces": [{"type": kind} for kind in kinds],
        "uidMappings": [{"containerID": 0, "hostID": uid, "size": 1}],
        "gidMappings": [{"containerID": 0, "hostID": gid, "size": 1}],
    }
    return {**config, "mounts": mounts, "linux": linux}


def _mount(destination: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    return {
        "destination": destination,
        "type": kind,
        "source": source,
        **({"options": list(options)} if options else {}),
    }
