"""Sysctls of the container's own namespaces.

Written through the host's procfs while it is still visible: the kernel looks at the namespaces of the writer, and the
container's /proc, which the image could have prepared, has no part in it.
"""

from __future__ import annotations

import os

from corral.runtime.init.failure import SetupError, words

__all__ = ["write"]


def write(sysctls: dict[str, str]) -> None:
    for name, value in sysctls.items():
        # In sysctl(8) the first separator decides: "net.ipv4.conf.eth0/1.forwarding" has a dot inside a component.
        path = name if "/" in name.partition(".")[0] else name.translate({ord("."): "/", ord("/"): "."})
        if ".." in path.split("/") or path.startswith("/"):
            raise SetupError(f"invalid sysctl: {name}")
        try:
            fd = os.open(f"/proc/sys/{path}", os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SetupError(f"open sysctl {name} file: {words(error)}") from error
        try:
            os.write(fd, value.encode())
        except OSError as error:
            raise SetupError(f'failed to write sysctl {name} = "{value}": {words(error)}') from error
        finally:
            os.close(fd)
