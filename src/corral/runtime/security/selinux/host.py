"""This host's SELinux: whether it is on, and the labels that its policy has for containers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from corral.runtime.security.selinux.labels import Labels

__all__ = ["base_labels", "enabled"]

_FILESYSTEM: Final = "/sys/fs/selinux"
_CONFIG: Final = Path("/etc/selinux")


def enabled() -> bool:
    """Also when it is only permissive: labels are kept then as well."""
    return os.path.exists(f"{_FILESYSTEM}/enforce")


def base_labels(directory: Path = _CONFIG) -> Labels:
    """As libselinux finds them: the policy's name in ``config``, its labels in ``lxc_contexts``. None: no labels."""
    policy = _settings(directory / "config").get("SELINUXTYPE", "targeted")
    contexts = _settings(directory / policy / "contexts" / "lxc_contexts")
    process, files = contexts.get("process", ""), contexts.get("file", "")
    return Labels(process, files) if process and files else Labels()


def _settings(path: Path) -> dict[str, str]:
    """``NAME = "value"`` lines."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}
