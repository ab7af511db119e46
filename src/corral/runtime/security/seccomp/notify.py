"""SCMP_ACT_NOTIFY: calls that wait for the answer of an agent, and how the agent gets the descriptor to answer on.

The child that installs the filter gets the descriptor from the kernel, and writes its number to the supervisor: one
write(2), which the filter must therefore neither refuse nor notify of. The supervisor fetches the descriptor by
pidfd_getfd(2), connects to the agent's Unix stream socket and sends it together with the container process state
(runtime-spec config-linux.md, "The Container Process State"). Only then the child goes on, to a read(2) at first,
which the agent can answer already.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid, Unavailable
from corral.linux import fd as descriptors
from corral.linux.pidfd import pidfd_getfd
from corral.oci.runtime import OCI_VERSION, Seccomp

__all__ = ["Listener", "ProcessState", "hand_over", "listener_of"]

ACTION: Final = "SCMP_ACT_NOTIFY"
PATH_ANNOTATION: Final = "io.corral.seccomp.listener"
METADATA_ANNOTATION: Final = "io.corral.seccomp.listener-metadata"
_OURS: Final = "io.corral.seccomp."


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the agent listens, and what it is told beside the descriptor."""

    path: str
    metadata: str = ""

    @property
    def annotations(self) -> dict[str, str]:
        """For a filter that was compiled ahead of time: what is left of its description."""
        return {PATH_ANNOTATION: self.path, METADATA_ANNOTATION: self.metadata}

    @classmethod
    def in_annotations(cls, annotations: Mapping[str, str]) -> Listener | None:
        path = annotations.get(PATH_ANNOTATION)
        return cls(path, annotations.get(METADATA_ANNOTATION, "")) if path else None


@dataclass(frozen=True, slots=True)
class ProcessState:
    """``status``: "creating" for the container's first process, "running" for a further one."""

    id: str
    pid: int
    status: str
    bundle: str
    annotations: Mapping[str, str]

    def to_json(self, metadata: str) -> bytes:
        state = {
            "ociVersion": OCI_VERSION,
            "id": self.id,
            "status": self.status,
            "pid": self.pid,
            "bundle": self.bundle,
            "annotations": {key: text for key, text in self.annotations.items() if not key.startswith(_OURS)},
        }
        message: dict[str, object] = {"ociVersion": OCI_VERSION, "fds": ["seccompFd"], "pid": self.pid, "state": state}
        if metadata:
            message["metadata"] = metadata
        return json.dumps(message, separators=(",", ":")).encode()


def listener_of(description: Seccomp) -> Listener | None:
    """None when nothing is notified of: a listener is ignored then. Raises Invalid for what cannot work."""
    if description.default_action == ACTION:
        raise Invalid(f"{ACTION} cannot be used as default action")
    notified = [call for call in description.syscalls if call.action == ACTION]
    if not notified:
        return None
    if any("write" in call.names for call in notified):
        raise Invalid(f"{ACTION} cannot be used for the write syscall")
    if not description.listener_path:
        raise Invalid("seccomp listenerPath is not set")
    if not os.path.isabs(description.listener_path):
        raise Invalid(f"seccomp listenerPath {description.listener_path!r} is not an absolute path")
    return Listener(description.listener_path, description.listener_metadata)


def hand_over(listener: Listener, state: ProcessState, pidfd: int, number: int) -> None:
    """Fetch descriptor ``number`` of the process ``pidfd`` and send it. Raises OSError, Unavailable (no agent)."""
    seccomp_fd = pidfd_getfd(pidfd, number)
    try:
        _deliver(listener, state, seccomp_fd)
    finally:
        os.close(seccomp_fd)


def _deliver(listener: Listener, state: ProcessState, seccomp_fd: int) -> None:
    """On a connection of its own.

    Never waits: connecting fails at once when the agent's backlog is full, and a fresh socket has room for the state.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
        connection.setblocking(False)
        try:
            connection.connect(listener.path)
        except OSError as error:
            raise Unavailable(
                "failed to connect with seccomp agent specified in the seccomp profile: "
                f"dial unix {listener.path}: connect: {(error.strerror or '').lower()}"
            ) from error
        payload = state.to_json(listener.metadata)
        if descriptors.send_fds(connection, payload, [seccomp_fd]) < len(payload):
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE), listener.path)
