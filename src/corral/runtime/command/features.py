"""``features``: what this runtime can do, whatever the host can (features.md, features-linux.md)."""

from __future__ import annotations

import json
from typing import Any, Final

from corral import __version__
from corral.oci.runtime import OCI_VERSION
from corral.runtime.command.arguments import Flag, Options
from corral.runtime.command.context import Context
from corral.runtime.init.mounts import option_names
from corral.runtime.security.capabilities import NUMBERS
from corral.runtime.security.seccomp.architectures import ARCHITECTURES

__all__ = ["FLAGS", "USAGE", "features", "run"]

FLAGS: Final[tuple[Flag, ...]] = ()
USAGE: Final = ""

_HOOKS: Final = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
_NAMESPACES: Final = ("cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts")
_ACTIONS: Final = ("ALLOW", "ERRNO", "KILL", "KILL_PROCESS", "KILL_THREAD", "LOG", "NOTIFY", "TRACE", "TRAP")
_OPERATORS: Final = ("EQ", "GE", "GT", "LE", "LT", "MASKED_EQ", "NE")
_FILTER_FLAGS: Final = tuple(f"SECCOMP_FILTER_FLAG_{name}" for name in ("TSYNC", "SPEC_ALLOW", "LOG"))


def run(context: Context, options: Options) -> int:
    del context, options
    print(json.dumps(features(), indent=2))
    return 0


def features() -> dict[str, Any]:
    return {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": OCI_VERSION,
        "hooks": list(_HOOKS),
        "mountOptions": list(option_names()),
        "linux": {
            "namespaces": list(_NAMESPACES),
            "capabilities": list(NUMBERS),
            "cgroup": {"v1": True, "v2": True, "systemd": True, "systemdUser": False, "rdma": True},
            "seccomp": {
                "enabled": True,
                "actions": [f"SCMP_ACT_{name}" for name in _ACTIONS],
                "operators": [f"SCMP_CMP_{name}" for name in _OPERATORS],
                "archs": sorted(ARCHITECTURES),
                "knownFlags": list(_FILTER_FLAGS),
                "supportedFlags": list(_FILTER_FLAGS),
            },
            "apparmor": {"enabled": True},
            "selinux": {"enabled": True},
            "intelRdt": {"enabled": True, "schemata": True, "monitoring": True},
            "mountExtensions": {"idmap": {"enabled": True}},
        },
        "annotations": {
            "io.corral.version": __version__,
            "org.opencontainers.runc.checkpoint.enabled": "false",
        },
        "potentiallyUnsafeConfigAnnotations": ["io.corral."],
    }
