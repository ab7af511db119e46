"""The description of a container as other runtimes want it: nothing left out that the specification demands, nothing
in it that only our own runtime knows. Pure.

Our codec leaves out what equals its default, and our runtime resolves names of users itself, makes what a mount needs
and has its own ``--init``. See ``oci.runtime`` for these extensions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from corral.oci.annotations import REAPER
from corral.oci.runtime import Mount, Process, Spec
from corral.runtime.init.user import Identity

OCI_VERSION: Final = "1.0.2"
"""What everybody accepts. Newer fields are there nevertheless, and ignored by who does not know them."""

_OURS: Final = "x-corral."
_PRIVATE: Final = "io.corral."

_REQUIRED: Final[tuple[tuple[tuple[str, ...], dict[str, object]], ...]] = (
    (("process", "consoleSize"), {"height": 0, "width": 0}),
    (("process", "ioPriority"), {"class": "", "priority": 0}),
    (("linux", "uidMappings"), {"containerID": 0, "hostID": 0}),
    (("linux", "gidMappings"), {"containerID": 0, "hostID": 0}),
    (("mounts", "uidMappings"), {"containerID": 0, "hostID": 0}),
    (("mounts", "gidMappings"), {"containerID": 0, "hostID": 0}),
    (("linux", "devices"), {"major": 0, "minor": 0}),
    (("linux", "resources", "devices"), {"allow": False}),
    (("linux", "resources", "pids"), {"limit": 0}),
)
"""Place in the JSON, through lists -> what has to be there (schema/*.json of the specification)."""

_REAPER_MOUNT: Final = {"type": "bind", "options": ["bind", "ro", "nosuid", "nodev"]}

Data = dict[str, Any]
"""A JSON object of the specification."""


def complete(spec: Spec, identity: Identity, rootfs: str, reaper: str = "") -> Data:
    """``rootfs``: where the root is mounted; ``identity``: who the process is, resolved in that root; ``reaper``: the
    file of ``init.starter_program`` for a spec that ``reaper_command`` has a command line for."""
    data = spec.to_json()
    data["ociVersion"] = OCI_VERSION
    data["process"] = complete_process(spec.process, identity)
    data["root"] = {"path": rootfs, "readonly": spec.root.readonly}
    data["mounts"] = [_mount(item, mount) for item, mount in zip(data.get("mounts", []), spec.mounts, strict=True)]
    data["annotations"] = {key: value for key, value in spec.annotations.items() if not key.startswith(_PRIVATE)}
    data.setdefault("linux", {})
    if reaper:
        data["process"]["args"] = reaper_command(spec)
        data["mounts"].append({"destination": data["process"]["args"][0], "source": reaper, **_REAPER_MOUNT})
    _fill(data)
    return data


def complete_process(process: Process, identity: Identity) -> Data:
    """For ``config.json`` and for ``exec --process``."""
    data = process.to_json()
    # The primary group is among them: without it a process could leave it, and what is denied to it (CVE-2022-36109).
    user: Data = {"uid": identity.uid, "gid": identity.gid, "additionalGids": list(identity.groups)}
    if process.user.umask is not None:
        user["umask"] = process.user.umask
    env = list(process.env)
    if not any(entry.startswith("HOME=") and entry != "HOME=" for entry in env):
        env = [entry for entry in env if entry != "HOME="] + [f"HOME={identity.home}"]
    data |= {"terminal": process.terminal, "user": user, "env": env, "cwd": process.cwd or "/"}
    data.pop("additionalGroups", None)
    _fill({"process": data})
    return data


def reaper_command(spec: Spec) -> list[str]:
    """Of process 1 when it is to be a reaper; empty when not."""
    return list(json.loads(spec.annotations[REAPER])) if REAPER in spec.annotations else []


def _mount(data: Data, mount: Mount) -> Data:
    options = [option for option in mount.options if not option.startswith(_OURS)]
    if options or mount.options:
        data["options"] = options
    data.setdefault("type", mount.type or "none")
    data.setdefault("source", mount.source or mount.type)
    return data


def _fill(data: Data) -> None:
    for place, required in _REQUIRED:
        for item in _at(data, place):
            for name, value in required.items():
                item.setdefault(name, value)


def _at(data: Data, place: tuple[str, ...]) -> Iterable[Data]:
    found: list[Any] = [data]
    for name in place:
        below = [item[name] for item in found if item.get(name) is not None]
        found = [item for value in below for item in (value if isinstance(value, list) else [value])]
    return found
