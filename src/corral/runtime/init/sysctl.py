"""Sysctls of the container's own namespaces.

Written through the host's procfs while it is still visible: the kernel looks at the namespaces of the writer, and the
container's /proc, which the image could have prepared, has no part in it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from corral.errors import Invalid
from corral.oci.runtime import Namespace
from corral.runtime.init import procfs
from corral.runtime.init.failure import SetupError, words

__all__ = ["check", "write"]

_DOTS: Final = {ord("."): "/", ord("/"): "."}
_IPC: Final = frozenset(
    f"kernel/{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)


def check(sysctls: dict[str, str], namespaces: Sequence[Namespace]) -> None:
    """Only what belongs to a namespace of the container's own may be set, or it would be set for the host. Pure but
    for a look at which network namespace is ours. Raises Invalid with runc's words."""
    own = {namespace.type: namespace.path for namespace in namespaces}
    host_network: bool | None = None
    for name in sysctls:
        path = _path(name)
        shown = path.translate(_DOTS)
        if path in _IPC or path.startswith("fs/mqueue/"):
            if "ipc" not in own:
                raise Invalid(f'sysctl "{shown}" is not allowed in the hosts ipc namespace')
        elif path.startswith("net/"):
            if host_network is None:
                host_network = "network" not in own or _is_ours(own["network"])
            if host_network:
                raise Invalid(f'sysctl "{shown}" not allowed in host network namespace')
        elif path == "kernel/hostname" and "uts" in own:
            raise Invalid(f'sysctl "{shown}" is not allowed as it conflicts with the OCI "hostname" field')
        elif path.startswith("user/"):
            if "user" not in own:
                raise Invalid(f"setting ucounts without a user namespace not allowed: {shown}")
        elif path != "kernel/domainname" or "uts" not in own:
            raise Invalid(f'sysctl "{shown}" is not in a separate kernel namespace')


def _path(name: str) -> str:
    """Below /proc/sys. In sysctl(8) the first separator decides: "net.ipv4.conf.eth0/1.forwarding" has a dot inside a
    component. Raises Invalid."""
    path = name if "/" in name.partition(".")[0] else name.translate(_DOTS)
    if ".." in path.split("/") or path.startswith("/"):
        raise Invalid(f"invalid sysctl: {name}")
    return path


def _is_ours(path: str) -> bool:
    if not path:
        return False
    try:
        return os.path.samestat(os.stat(path), os.stat("/proc/self/ns/net"))
    except OSError:
        return False  # joining it says what is wrong


def write(sysctls: dict[str, str]) -> None:
    """What was checked. Raises SetupError."""
    for name, value in sysctls.items():
        try:
            procfs.write(f"sys/{_path(name)}", value)
        except OSError as error:
            if error.filename:
                raise SetupError(f"open sysctl {name} file: {words(error)}") from error
            raise SetupError(f'failed to write sysctl {name} = "{value}": {words(error)}') from error
