"""A hostile process of a container: traces whatever is born beside it, and writes down what it has got.

Runs as a program of its own: ``python tracer.py REPORT``. One JSON object a line, for each time that a process was
looked at; ``who`` is its program, null when that could not be seen.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any

SEIZE, INTERRUPT, CONT = 0x4206, 0x4207, 7
EVENT_STOP = 128
WALL = 0x40000000
STATUS = ("CapPrm", "CapEff", "CapBnd", "CapInh", "Seccomp", "NoNewPrivs", "Uid")
LIMIT = 64 << 20
"""Bytes read of one area."""

library = ctypes.CDLL(None, use_errno=True)


def attach(pid: int) -> bool:
    """It is stopped as soon as it can be. False when it is not there or not to be traced."""
    if library.ptrace(SEIZE, pid, None, None) != 0:
        return False
    library.ptrace(INTERRUPT, pid, None, None)
    return True


def serve() -> None:
    """What is traced waits for us at signals, and at its end."""
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG | WALL)
            if not pid:
                return
            if os.WIFSTOPPED(status):
                number = 0 if status >> 16 == EVENT_STOP else os.WSTOPSIG(status)
                library.ptrace(CONT, pid, None, ctypes.c_void_p(number))
    except ChildProcessError:
        return


def memory(pid: int) -> bytes:
    """What can be read of it, without files that are mapped."""
    parts = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            area, rights, _, _, inode = line.split()[:5]
            if inode != "0" or "r" not in rights or "[v" in line:
                continue
            first, last = (int(word, 16) for word in area.split("-"))
            try:
                mem.seek(first)
                parts.append(mem.read(min(last - first, LIMIT)))
            except OSError:
                continue
    return b"".join(parts)


def got(name: str, read: Any) -> dict[str, Any]:
    try:
        return {name: read()}
    except OSError as error:
        return {f"no {name}": error.errno}


def overwrite(pid: int) -> bool:
    os.close(os.open(f"/proc/{pid}/exe", os.O_WRONLY))
    return True


def look(pid: int, secret: bytes) -> dict[str, Any]:
    place = f"/proc/{pid}"

    def status() -> dict[str, str]:
        with open(f"{place}/status") as file:
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        return {key: lines[key] for key in STATUS}

    found: dict[str, Any] = {"pid": pid, "who": None}
    found |= got("who", lambda: os.readlink(f"{place}/exe"))
    found |= got("root", lambda: os.path.samefile(f"{place}/root", "/"))
    found |= got("cwd", lambda: os.readlink(f"{place}/cwd"))
    found |= got("environ", lambda: environment(pid))
    found |= got("descriptors", lambda: {fd: os.readlink(f"{place}/fd/{fd}") for fd in os.listdir(f"{place}/fd")})
    found |= got("secret", lambda: secret in memory(pid))
    found |= got("overwritten", lambda: overwrite(pid))
    found |= got("namespaces", lambda: {kind: os.readlink(f"{place}/ns/{kind}") for kind in os.listdir(f"{place}/ns")})
    return found | status()


def numbers() -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def environment(pid: int) -> int:
    with open(f"/proc/{pid}/environ", "rb") as file:
        return len(file.read())


def main() -> None:
    """Each process is looked at when it is seen first, and once more when it can be traced."""
    secret = bytes.fromhex(sys.argv[2])
    following = max(numbers()) + 1
    seen = turns = 0
    print("ready", flush=True)
    with open(sys.argv[1], "a", buffering=1) as report:
        while True:
            turns += 1
            if turns % 1000 == 0:
                following = max(following, *numbers())
            for pid in (following, following + 1):
                attached = attach(pid)
                if not attached and (pid == seen or not os.path.exists(f"/proc/{pid}")):
                    continue
                following, seen = pid + attached, pid
                try:
                    report.write(json.dumps({**look(pid, secret), "attached": attached}) + "\n")
                except OSError:
                    continue
            serve()


if __name__ == "__main__":
    main()
