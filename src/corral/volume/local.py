"""The ``local`` volume driver: directories below the data root, and what is mounted on them by option."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from corral.errors import Internal, Invalid
from corral.linux import mount
from corral.store.layout import DataRoot
from corral.volume import local_options

__all__ = ["LocalDriver"]

_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


class LocalDriver:
    name = "local"
    scope = "local"

    def __init__(self, data_root: DataRoot) -> None:
        self._data_root = data_root
        self._users: dict[str, set[str]] = {}
        """Of volumes that are mounted by option; a plain directory needs no counting."""
        self._removals: set[asyncio.Task[None]] = set()

    async def create(self, name: str, options: Mapping[str, str]) -> None:
        if len(name) == 1:
            raise Invalid("volume name is too short, names should be at least two alphanumeric characters")
        if not _NAME.fullmatch(name):
            raise Invalid(
                f'"{name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are '
                "allowed. If you intended to pass a host directory, use absolute path"
            )
        local_options.parse(options)
        self._data_root.volumes.mkdir(mode=0o711, parents=True, exist_ok=True)
        data = self._data_root.volume_data(name)
        data.parent.mkdir(mode=0o701, exist_ok=True)
        try:
            data.mkdir(mode=0o755, exist_ok=True)
        except OSError:
            with contextlib.suppress(OSError):
                data.parent.rmdir()
            raise

    async def remove(self, name: str) -> None:
        directory = self._data_root.volumes / name
        self._detach(name)
        self._data_root.trash.mkdir(mode=0o700, exist_ok=True)
        grave = self._data_root.trash / f"volume-{secrets.token_hex(8)}"
        try:
            os.rename(directory, grave)
        except FileNotFoundError:
            return
        task = asyncio.create_task(asyncio.to_thread(shutil.rmtree, grave, ignore_errors=True))
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)

    def path(self, name: str) -> str:
        return str(self._data_root.volume_data(name))

    async def mount(self, name: str, user: str, options: Mapping[str, str]) -> str:
        path = self.path(name)
        wanted = local_options.parse(options)
        if wanted is None:
            return path
        if not _is_mount_point(path):
            try:
                await asyncio.to_thread(
                    mount.mount, wanted.device, path, wanted.type, wanted.flags, wanted.data or None
                )
            except OSError as error:
                reason = (error.strerror or "").rpartition(": ")[2].lower()
                what = f"mount {wanted.device}:{path}, flags: {wanted.flags:#x}, data: {wanted.data}: {reason}"
                raise Internal(f"error while mounting volume '{path}': failed to mount local volume: {what}") from error
        self._users.setdefault(name, set()).add(user)
        return path

    async def unmount(self, name: str, user: str) -> None:
        users = self._users.get(name)
        if users is None:
            return
        users.discard(user)
        if not users:
            del self._users[name]
            self._detach(name)

    async def restore(self, name: str, users: Collection[str], options: Mapping[str, str]) -> None:
        if users and options:
            self._users[name] = set(users)
        elif options:
            self._detach(name)

    async def close(self) -> None:
        """Waits for removals that are under way; what is left in the trash is deleted at the next start."""
        await asyncio.gather(*self._removals, return_exceptions=True)

    def _detach(self, name: str) -> None:
        path = self.path(name)
        while _is_mount_point(path):
            with contextlib.suppress(FileNotFoundError):
                mount.umount2(path, mount.MNT_DETACH | mount.UMOUNT_NOFOLLOW)


def _is_mount_point(path: str) -> bool:
    """Also of bind mounts, which have the device of the directory above."""
    try:
        own, above = os.stat(path), os.stat(Path(path).parent)
    except FileNotFoundError:
        return False
    if own.st_dev != above.st_dev:
        return True
    with open("/proc/self/mountinfo", "rb") as file:
        return any(line.split()[4] == os.fsencode(path) for line in file)
