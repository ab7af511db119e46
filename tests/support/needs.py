"""What the machine must have for a test: each word of ``@pytest.mark.requires``, and how to find out."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

Need = Callable[[], str]
"""Returns what is missing, or "" when the need is met."""

PEER_DOCKER = os.environ.get("CORRAL_PEER_DOCKER", "unix:///tmp/peers/docker.sock")


def _program(name: str) -> Need:
    return lambda: "" if shutil.which(name) else f"program {name} is not installed"


def _root() -> str:
    return "" if os.geteuid() == 0 else "root is needed"


def _filesystem(name: str) -> Need:
    def check() -> str:
        known = {line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines()}
        return "" if name in known else f"the kernel has no {name}"

    return check


def _cgroup() -> str:
    return "" if " cgroup" in Path("/proc/self/mountinfo").read_text() else "no cgroup hierarchy is mounted"


def _cgroup2() -> str:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        kind = fields[fields.index("-") + 1]
        if kind == "cgroup2" and "memory" in Path(fields[4], "cgroup.controllers").read_text().split():
            return ""
    return "no cgroup version 2 hierarchy has the memory controller"


def _namespaces() -> str:
    if missing := _root():
        return missing
    pid = os.fork()
    if pid == 0:
        os._exit(0 if ctypes.CDLL(None).unshare(0x40000000 | 0x20000 | 0x20000000) == 0 else 1)
    return "" if os.waitpid(pid, 0)[1] == 0 else "new namespaces are not allowed here"


def _btrfs() -> str:
    return _filesystem("btrfs")() or _program("mkfs.btrfs")() or _program("losetup")()


def _fuse_overlayfs() -> str:
    if missing := _program("fuse-overlayfs")():
        return missing
    return "" if os.access("/dev/fuse", os.R_OK | os.W_OK) else "/dev/fuse cannot be used"


def _apparmor() -> str:
    enabled = Path("/sys/module/apparmor/parameters/enabled")
    if not Path("/sys/kernel/security/apparmor").is_dir() or not enabled.exists() or enabled.read_text() != "Y\n":
        return "the kernel does not confine by AppArmor"
    return _program("apparmor_parser")()


def _busybox() -> str:
    path = shutil.which("busybox")
    if path is None:
        return "program busybox is not installed"
    has_interpreter = b"/ld-" in Path(path).read_bytes()[:4096]
    return "busybox is not the static one" if has_interpreter else ""


def _docker_cli() -> str:
    return "" if shutil.which("docker") else "the docker command line client is not installed"


def _docker_peer() -> str:
    if missing := _docker_cli():
        return missing
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(PEER_DOCKER.removeprefix("unix://"))
    except OSError as error:
        return f"no Docker engine answers at {PEER_DOCKER}: {error.strerror}"
    return ""


def _package_mirror() -> str:
    sources = [*Path("/etc/apt/sources.list.d").glob("*.sources"), *Path("/etc/apt/sources.list.d").glob("*.list")]
    if not any(path.stat().st_size for path in [*sources, Path("/etc/apt/sources.list")] if path.exists()):
        return "apt has no package source"
    done = subprocess.run(["apt-get", "update", "-qq", "--print-uris"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "apt cannot list its package sources"


def _capability(number: int, name: str) -> Need:
    def check() -> str:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                return "" if int(line.split()[1], 16) >> number & 1 else f"{name} is missing"
        return f"{name} is missing"

    return check


NEEDS: dict[str, Need] = {
    "root": _root,
    "namespaces": _namespaces,
    "cgroup": _cgroup,
    "cgroup2": _cgroup2,
    "overlay": _filesystem("overlay"),
    "apparmor": _apparmor,
    "busybox": _busybox,
    "docker-cli": _docker_cli,
    "docker-peer": _docker_peer,
    "docker-registry": _program("docker-registry"),
    "btrfs": _btrfs,
    "fuse-overlayfs": _fuse_overlayfs,
    "mmdebstrap": _program("mmdebstrap"),
    "package-mirror": _package_mirror,
    "nft": _program("nft"),
    "ip": _program("ip"),
    "tar": _program("tar"),
    "cap-sys-resource": _capability(24, "CAP_SYS_RESOURCE"),
}


@functools.cache
def missing(need: str) -> str:
    """What is missing for ``need``; "" when nothing is. Raises KeyError for a word that is not in NEEDS."""
    return NEEDS[need]()
