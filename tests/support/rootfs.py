"""Looking at a described root file system from the outside: mounted in a mount namespace that ends with the command."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from corral.oci.rootfs import RootfsMount


def in_rootfs(mounts: Sequence[RootfsMount], at: Path, script: str) -> str:
    """Mounts at ``at`` as container init would, runs the shell script there; returns what it printed."""
    at.mkdir(exist_ok=True)
    commands = ["set -e"]
    for mount in mounts:
        if mount.type == "bind":
            commands.append(f"mount --rbind {shlex.quote(mount.source)} {shlex.quote(str(at))}")
        else:
            options = shlex.quote(",".join(mount.options))
            commands.append(f"cd {shlex.quote(mount.base or '/')}")
            commands.append(f"mount -t {mount.type} -o {options} {mount.source} {shlex.quote(str(at))}")
    commands += [f"cd {shlex.quote(str(at))}", script]
    command = ["unshare", "--mount", "sh", "-c", "\n".join(commands)]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode(errors="surrogateescape")
