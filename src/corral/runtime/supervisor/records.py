"""What a later supervisor needs to know of a container: small JSON files in its bundle, each written once.

::

    containers/ID/
    ├── config.json, rootfs.json     written by the driver
    ├── state.json                   the first process: pid, ticks (when it began), stdio, traits, go
    ├── started.json                 at: nanoseconds since the epoch
    ├── exit.json                    code, at, oomKilled
    ├── exec-EXEC.json               an exec: pid, ticks, stdio, startedAt; gone when its exit was told to a driver
    ├── exec-EXEC-exit.json          code, at, oomKilled
    ├── stdin, stdout, stderr        FIFOs; stdin is removed when it is closed for good
    └── rests                        unfinished lines, see ``rests``

A file that is empty or cut is as good as none: its writer was killed before it told anybody what is in it.
"""

from __future__ import annotations

import json
import os
from typing import Any

from corral.linux import procstat
from corral.oci.codec import compact

Record = dict[str, Any]


def write(bundle: str, name: str, record: Record) -> None:
    """Raises OSError."""
    fd = os.open(f"{bundle}/{name}.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, compact(record))
    finally:
        os.close(fd)


def read(bundle: str, name: str) -> Record | None:
    """None when there is no such record, or none that is complete. Raises OSError otherwise."""
    record = _load(bundle, name)
    return record if isinstance(record, dict) else None


def read_list(bundle: str, name: str) -> list[Record]:
    """The same for a list of objects; empty when there is none."""
    items = _load(bundle, name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _load(bundle: str, name: str) -> object:
    text = read_file(f"{bundle}/{name}.json")
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def remove(bundle: str, name: str) -> None:
    """Idempotent."""
    remove_file(f"{bundle}/{name}.json")


def read_file(path: str) -> bytes:
    """b"" when it does not exist."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        text = b""
        while chunk := os.read(fd, 1 << 16):
            text += chunk
        return text
    finally:
        os.close(fd)


def remove_file(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def remove_tree(path: str) -> None:
    """The directory and all in it, following no links and entering no mounts. Idempotent. Raises OSError."""
    try:
        _remove_tree(path, os.lstat(path).st_dev)
    except FileNotFoundError:
        return


def _remove_tree(path: str, device: int) -> None:
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
            elif entry.stat(follow_symlinks=False).st_dev == device:
                _remove_tree(entry.path, device)
    os.rmdir(path)


def start_ticks(pid: int) -> int:
    """When the process began, in clock ticks since boot: with the pid it names one process only.

    0 when it is gone.
    """
    fields = procstat.fields(pid)
    return int(fields[procstat.START]) if fields else 0
