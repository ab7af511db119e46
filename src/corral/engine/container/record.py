"""A container as the engine remembers it: what was asked for, and where in its life it is. Frozen values, no handles.

Status and the moves between them
    ::

        CREATED ──start──> RUNNING <──pause/unpause──> PAUSED
           │                  │ ended                     │
           │                  ├──> RESTARTING (policy) <──┤
           │                  └──> EXITED <───────────────┘
           └──remove──> REMOVING <──remove── EXITED
                           └── (removal failed) ──> DEAD ──remove──> REMOVING

    RESTARTING waits for its back-off and goes to RUNNING, or to EXITED when it is stopped or cannot start. A daemon
    that starts makes RESTARTING out of EXITED where the policy says so. A start that fails leaves CREATED or EXITED as
    it was, with the error and an exit code.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, Final, NewType

import msgspec

from corral.api.types.container import Config
from corral.api.types.endpoint import NetworkingConfig, NetworkSettings
from corral.api.types.host_config import HostConfig
from corral.errors import Internal
from corral.oci.idmaps import IDMaps
from corral.volume.mount import ContainerMount

__all__ = ["TRANSITIONS", "UNKNOWN_EXIT", "ContainerID", "ContainerRecord", "State", "Status"]

ContainerID = NewType("ContainerID", str)
"""64 lower-case hex digits."""

UNKNOWN_EXIT: Final = 255
"""The exit code of a container whose real one nobody can know; ``State.error`` then says so."""


class Status(enum.Enum):
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    REMOVING = "removing"
    DEAD = "dead"

    @property
    def is_up(self) -> bool:
        """It has a process, or will have one again by itself: what the API calls Running."""
        return self in _UP

    @property
    def has_process(self) -> bool:
        return self in (Status.RUNNING, Status.PAUSED)


_UP: Final = frozenset({Status.RUNNING, Status.PAUSED, Status.RESTARTING})

TRANSITIONS: Final[dict[Status, frozenset[Status]]] = {
    Status.CREATED: frozenset({Status.CREATED, Status.RUNNING, Status.REMOVING}),
    Status.RUNNING: frozenset({Status.PAUSED, Status.RESTARTING, Status.EXITED}),
    Status.PAUSED: frozenset({Status.RUNNING, Status.RESTARTING, Status.EXITED}),
    Status.RESTARTING: frozenset({Status.RUNNING, Status.EXITED}),
    Status.EXITED: frozenset({Status.EXITED, Status.RUNNING, Status.RESTARTING, Status.REMOVING}),
    Status.REMOVING: frozenset({Status.DEAD}),
    Status.DEAD: frozenset({Status.REMOVING}),
}


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """Times in nanoseconds since the epoch, 0 for never; ``pid`` 0 without a process.

    ``stopped_by_user``: it was stopped or killed on request, so that unless-stopped does not bring it back.
    ``oom_limit``: whose memory limit was hit last, "container", "host" or the path of another cgroup.
    ``network``: what inspect shows while there is a sandbox; ``restart_count``: by policy, since a start by hand.
    """

    status: Status = Status.CREATED
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    oom_limit: str = ""
    started_at: int = 0
    finished_at: int = 0
    restart_count: int = 0
    stopped_by_user: bool = False
    network: NetworkSettings | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ContainerRecord:
    """``config`` and ``host_config`` are complete: the image's and the engine's defaults are in them.

    ``name`` has no slash; ``path`` and ``args`` are entrypoint and command in one; ``networking`` is what the user
    asked for; ``process_label`` and ``mount_label`` are SELinux's, empty without; ``image_ref`` is what they called
    the image; ``id_maps``: of its user namespace, None for the host's.
    """

    id: ContainerID
    name: str
    created: int
    image_id: str
    image_ref: str
    path: str
    args: tuple[str, ...]
    config: Config
    host_config: HostConfig
    networking: NetworkingConfig
    mounts: tuple[ContainerMount, ...]
    storage_driver: str
    platform: str = "linux"
    process_label: str = ""
    mount_label: str = ""
    id_maps: IDMaps | None = None
    state: State = State()

    @property
    def status(self) -> Status:
        return self.state.status

    @property
    def short_id(self) -> str:
        return self.id[:12]

    def with_state(self, **changes: Any) -> ContainerRecord:
        """A copy with some attributes of its state changed. Raises Internal for a move that the table does not have."""
        state = dataclasses.replace(self.state, **changes)
        if state.status is not self.state.status and state.status not in TRANSITIONS[self.state.status]:
            raise Internal(f"container {self.id}: cannot go from {self.status.value} to {state.status.value}")
        return dataclasses.replace(self, state=state)

    def replace(self, **changes: Any) -> ContainerRecord:
        return dataclasses.replace(self, **changes)


_RECORD: Final = msgspec.json.Decoder(ContainerRecord)
_STATE: Final = msgspec.json.Decoder(State)
_ENCODER: Final = msgspec.json.Encoder()
_INITIAL: Final = State()


def encode_definition(record: ContainerRecord) -> bytes:
    """Everything but the state, which changes far more often."""
    return _ENCODER.encode(dataclasses.replace(record, state=_INITIAL))


def encode_state(state: State) -> bytes:
    return _ENCODER.encode(state)


def decode(definition: bytes, state: bytes) -> ContainerRecord:
    return dataclasses.replace(_RECORD.decode(definition), state=_STATE.decode(state))
