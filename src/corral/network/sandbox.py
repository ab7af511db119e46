"""Sandboxes: what is asked for, what there is, and the records of live ones.

A sandbox lives as long as its network namespace, which does not outlive the machine. So its record is a small file
beside the namespace, in the exec root: written once, without waiting for a disk, when the sandbox is complete.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from corral.network.endpoint import Endpoint
from corral.network.portmap.ports import PortBinding, PortRequest
from corral.oci.codec import Codec, compact
from corral.oci.idmaps import IDMaps

__all__ = ["Sandbox", "SandboxRecords", "SandboxRequest"]


@dataclass(frozen=True, slots=True)
class SandboxRequest:
    """``mode``: name or id of a network, "" and "default" for the default bridge. ``mac`` and ``ip`` "" for any.

    ``container_name`` is for messages and for inspecting networks; ``maps``: of the container's own user namespace;
    ``userns``: the path of another container's that it joins.
    """

    container_id: str
    mode: str = "bridge"
    ports: tuple[PortRequest, ...] = ()
    mac: str = ""
    ip: str = ""
    hostname: str = ""
    container_name: str = ""
    aliases: tuple[str, ...] = ()
    maps: IDMaps | None = None
    userns: str = ""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """``netns`` None: the network does not need a namespace that was made before (the runtime makes an empty one).

    ``userns``: the user namespace that owns it, None for ours.
    """

    container_id: str
    sandbox_id: str
    netns: Path | None
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[PortBinding, ...] = ()
    container_name: str = ""
    userns: Path | None = None


@dataclass(frozen=True, slots=True)
class _Record:
    container_id: str
    sandbox_id: str
    netns: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[PortBinding, ...] = ()
    container_name: str = ""
    userns: str = ""


_CODEC: Final = Codec.of(_Record)


_PARTIAL: Final = ".new"


class SandboxRecords:
    """The records in ``directory``, one JSON file for each container, replaced atomically."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, sandbox: Sandbox) -> None:
        record = _Record(
            sandbox.container_id,
            sandbox.sandbox_id,
            str(sandbox.netns or ""),
            sandbox.endpoints,
            sandbox.ports,
            sandbox.container_name,
            str(sandbox.userns or ""),
        )
        path = self._directory / f"{sandbox.container_id}.json"
        partial = f"{path}{_PARTIAL}"
        data = compact(_CODEC.encode(record))
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            try:
                os.write(fd, data)
            finally:
                os.close(fd)
            os.rename(partial, path)
        except OSError:
            os.unlink(partial)
            raise

    def remove(self, container_id: str) -> None:
        """Idempotent."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._directory / f"{container_id}.json")

    def read(self) -> dict[str, Sandbox]:
        """All records by container. What cannot be read is dropped: its remains are found by reconciling."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = {}
        for path in self._directory.iterdir():
            if path.suffix == _PARTIAL:  # its writer was killed, and told nobody
                path.unlink()
                continue
            try:
                sandbox = _sandbox(json.loads(path.read_bytes()))
            except ValueError:
                path.unlink(missing_ok=True)
            else:
                found[sandbox.container_id] = sandbox
        return found


def _sandbox(data: dict[str, Any]) -> Sandbox:
    record = _CODEC.decode(data)
    netns = Path(record.netns) if record.netns else None
    return Sandbox(
        record.container_id,
        record.sandbox_id,
        netns,
        record.endpoints,
        record.ports,
        record.container_name,
        Path(record.userns) if record.userns else None,
    )
