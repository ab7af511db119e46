"""Every path that corral keeps on disk, as one tree. No other module joins path components below these roots.

::

    DATA-ROOT (--data-root, /var/lib/corral): survives reboots
    ├── corral.db                     SQLite, WAL: containers, images, references, layers, networks, volumes, events
    ├── lock                          flock held by the daemon: one daemon per data root
    ├── containers/ID/                0710
    │   ├── ID-json.log[.1[.gz]...]   json-file log, readable by Docker's tools
    │   ├── hostname, hosts, resolv.conf   bind-mounted into the container
    │   └── ids                       its layers belong to ids of its user namespace (file systems that cannot map)
    ├── image/
    │   ├── blobs/sha256/HEX          committed content: image configs, manifests, compressed layers
    │   └── ingest/                   content that is still being written; emptied at start
    ├── overlay2/                     see image/graphdriver/overlay2.py
    ├── vfs/                          see image/graphdriver/vfs.py
    ├── volumes/NAME/_data            local volumes
    ├── trash/                        directories detached from their owner, deleted in the background
    └── tmp/                          scratch; emptied at start

    EXEC-ROOT (--exec-root, /run/corral): tmpfs, gone after a reboot
    ├── corrald.pid
    ├── corrald.lock                  flock held by the daemon: one daemon per exec root, whose supervisor it owns
    ├── supervisor.sock               SEQPACKET, see runtime/supervisor/protocol.py
    ├── supervisor.lock               flock held as long as a keeper or a supervisor lives
    ├── supervisor.log                their standard error: a line for each fault
    ├── supervisor.spool              the chunk of output that is on its way, see runtime/supervisor/spool.py
    ├── containers/ID/                the bundle: config.json, rootfs.json; the supervisor's state and FIFOs
    ├── netns/SANDBOX                 bind mount of a sandbox's network namespace, named by its id's first 12 digits
    ├── netns/SANDBOX-user            and of the user namespace that owns it, if that is the container's own
    ├── sandboxes/ID.json             what network/sandbox.py records of a container's live sandbox
    ├── shm/ID                        mount point: /dev/shm of a container whose IPC namespace others may join
    ├── seccomp/SHA256.bpf            compiled filters by digest of their profile
    ├── apparmor.profile              text of the default profile as it was loaded
    └── tmp/

    Beside EXEC-ROOT, because a daemon may mount a tmpfs over it:
    EXEC-ROOT.log                     standard error of a daemon that the client started on demand
    EXEC-ROOT.start                   flock held by a client while it starts the daemon

    REGISTRY-ROOT (registry serve --root, /var/lib/corral-registry): see registry/storage
    ├── registry.db                   SQLite, WAL: links, manifests, tags
    ├── lock                          flock held by the server: one server per root
    ├── gate                          flock between what makes blobs visible and what removes them
    ├── collect.lock                  flock held by whoever collects garbage
    ├── token.key                     0600: what the server signs its tokens with
    ├── blobs/ALGORITHM/HEX           committed content: layers, configs, manifests
    └── ingest/                       uploads (partial-*), and content that is still being written
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

__all__ = ["DataRoot", "ExecRoot", "RegistryRoot"]


@dataclasses.dataclass(frozen=True, slots=True)
class DataRoot:
    """Paths below the data root."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "corral.db"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def containers(self) -> Path:
        return self.root / "containers"

    def container(self, container_id: str) -> Path:
        return self.containers / container_id

    def container_log(self, container_id: str) -> Path:
        return self.container(container_id) / f"{container_id}-json.log"

    def container_etc(self, container_id: str, name: str) -> Path:
        """``name`` is one of hostname, hosts, resolv.conf."""
        return self.container(container_id) / name

    def container_ids(self, container_id: str) -> Path:
        return self.container(container_id) / "ids"

    @property
    def blobs(self) -> Path:
        return self.root / "image" / "blobs"

    def blob(self, algorithm: str, encoded: str) -> Path:
        return self.blobs / algorithm / encoded

    @property
    def ingest(self) -> Path:
        return self.root / "image" / "ingest"

    def graphdriver(self, name: str) -> Path:
        return self.root / name

    @property
    def volumes(self) -> Path:
        return self.root / "volumes"

    def volume_data(self, name: str) -> Path:
        return self.volumes / name / "_data"

    @property
    def trash(self) -> Path:
        return self.root / "trash"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"


@dataclasses.dataclass(frozen=True, slots=True)
class ExecRoot:
    """Paths below the exec root."""

    root: Path

    @property
    def daemon_log(self) -> Path:
        return self.root.with_name(f"{self.root.name}.log")

    @property
    def start_lock(self) -> Path:
        return self.root.with_name(f"{self.root.name}.start")

    @property
    def lock(self) -> Path:
        return self.root / "corrald.lock"

    @property
    def pid(self) -> Path:
        """The daemon's pid file, unless --pidfile says otherwise."""
        return self.root / "corrald.pid"

    @property
    def supervisor_socket(self) -> Path:
        return self.root / "supervisor.sock"

    @property
    def supervisor_lock(self) -> Path:
        return self.root / "supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        return self.root / "supervisor.log"

    @property
    def supervisor_spool(self) -> Path:
        return self.root / "supervisor.spool"

    @property
    def containers(self) -> Path:
        return self.root / "containers"

    def bundle(self, container_id: str) -> Path:
        return self.containers / container_id

    @property
    def netns(self) -> Path:
        return self.root / "netns"

    def sandbox(self, sandbox_id: str) -> Path:
        return self.netns / sandbox_id[:12]

    def sandbox_owner(self, sandbox_id: str) -> Path:
        return self.netns / f"{sandbox_id[:12]}-user"

    @property
    def sandboxes(self) -> Path:
        return self.root / "sandboxes"

    @property
    def shared_memory(self) -> Path:
        return self.root / "shm"

    def shm(self, container_id: str) -> Path:
        return self.shared_memory / container_id

    @property
    def seccomp(self) -> Path:
        return self.root / "seccomp"

    @property
    def apparmor(self) -> Path:
        return self.root / "apparmor.profile"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"


@dataclasses.dataclass(frozen=True, slots=True)
class RegistryRoot:
    """Paths below the root of an embedded registry."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "registry.db"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def gate(self) -> Path:
        return self.root / "gate"

    @property
    def collect_lock(self) -> Path:
        return self.root / "collect.lock"

    @property
    def token_key(self) -> Path:
        return self.root / "token.key"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def ingest(self) -> Path:
        return self.root / "ingest"
