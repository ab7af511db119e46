"""What a test run left on the machine: everything that carries the run's mark.

A run's mark is a word like ``ct3f9a1c``. Every test host puts it into the names of its network namespaces, of its
cgroup parents and of its directories, and into the environment of its processes, so that one run can be told from
another one on the same machine.
"""

from __future__ import annotations

import os
from pathlib import Path

ENVIRONMENT = "CORRAL_TEST_MARK"


def find(mark: str) -> list[str]:
    """One line for each thing that is still there."""
    return [*_mounts(mark), *_namespaces(mark), *_cgroups(mark), *_processes(mark), *_interfaces(mark)]


def _mounts(mark: str) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [f"mount {line.split()[4]}" for line in lines if mark in line]


def _namespaces(mark: str) -> list[str]:
    return [f"network namespace {path.name}" for path in Path("/run/netns").glob("*") if mark in path.name]


def _cgroups(mark: str) -> list[str]:
    roots = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup" in line]
    return [f"cgroup {path}" for root in roots for path in Path(root).glob(f"*{mark}*")]


def _interfaces(mark: str) -> list[str]:
    return [f"interface {path.name}" for path in Path("/sys/class/net").glob("*") if mark[:10] in path.name]


def _processes(mark: str) -> list[str]:
    needle = f"{ENVIRONMENT}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if needle in environment and not _is_ancestor_or_worker(int(entry.name)):
            found.append(f"process {entry.name} {command}")
    return found


def _is_ancestor_or_worker(pid: int) -> bool:
    """The run's own workers carry the mark as well, until they end after this check."""
    try:
        return b"execnet" in Path(f"/proc/{pid}/cmdline").read_bytes() or pid == os.getppid()
    except OSError:
        return False
