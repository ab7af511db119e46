"""This host's AppArmor, through /sys/kernel/security and apparmor_parser(8)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from corral.errors import Unavailable
from corral.runtime.security.apparmor.profile import NAME, profile_text

__all__ = ["enabled", "install", "own_profile", "profiles"]

_SECURITYFS: Final = "/sys/kernel/security/apparmor"
_ENABLED: Final = "/sys/module/apparmor/parameters/enabled"
_ABI: Final = "abi/3.0"
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def enabled() -> bool:
    """Whether the kernel confines by AppArmor. Two questions: it may be built in and switched off."""
    return os.path.isdir(_SECURITYFS) and _text(_ENABLED).startswith("Y")


def profiles() -> set[str]:
    """Names of those that are loaded; empty when they cannot be read."""
    return {line.rpartition(" (")[0] for line in _text(f"{_SECURITYFS}/profiles").splitlines()}


def own_profile() -> str:
    """The profile that this process is under, "unconfined" without one."""
    label = _text("/proc/self/attr/apparmor/current") or _text("/proc/self/attr/current")
    return label.removesuffix("\n").rpartition(" (")[0] or "unconfined"


def install(copy: Path) -> str:
    """Load the default profile, unless what is loaded is the same. Returns its name.

    ``copy``: a file of ours with the text that was loaded last. The kernel forgets it with everything in EXEC-ROOT.
    Takes some 50 ms when there is something to do. Raises Unavailable, saying why, when it cannot be done.
    """
    abi = _ABI if os.path.exists(f"/etc/apparmor.d/{_ABI}") else ""
    text = profile_text(NAME, own_profile(), abi=abi)
    if NAME in profiles() and _text(copy) == text:
        return NAME
    parser = shutil.which("apparmor_parser", path=_PATH)
    if parser is None:
        raise Unavailable("apparmor_parser is not installed")
    # -K: nothing is cached, /etc may be read-only; -r: replaces a loaded one, also one that processes are under.
    done = subprocess.run([parser, "-Kr"], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"running {parser} -Kr failed with output: {(done.stderr or done.stdout).strip()}")
    copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy.write_text(text)
    return NAME


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
