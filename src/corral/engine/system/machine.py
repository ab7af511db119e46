"""What the host is: read from uname, procfs and os-release, without privilege."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["GO_ARCHITECTURES", "Machine", "parse_os_release"]

GO_ARCHITECTURES: Final = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "i686": "386",
    "armv7l": "arm",
    "riscv64": "riscv64",
    "s390x": "s390x",
    "ppc64le": "ppc64le",
}
"""uname's machine -> the name that versions and images use."""

_OS_RELEASE: Final = ("/etc/os-release", "/usr/lib/os-release")


@dataclass(frozen=True, slots=True)
class Machine:
    """``memory`` in bytes; ``cpus``: those that this process may use; ``architecture`` as uname has it."""

    hostname: str
    kernel: str
    architecture: str
    operating_system: str
    os_version: str
    cpus: int
    memory: int
    ip_forward: bool

    @classmethod
    def look(cls) -> Machine:
        uname = os.uname()
        release = parse_os_release(next((text for path in _OS_RELEASE if (text := _text(path))), ""))
        return cls(
            hostname=uname.nodename,
            kernel=uname.release,
            architecture=uname.machine,
            operating_system=release.get("PRETTY_NAME") or release.get("NAME") or "Linux",
            os_version=release.get("VERSION_ID", ""),
            cpus=len(os.sched_getaffinity(0)),
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            ip_forward=_text("/proc/sys/net/ipv4/ip_forward").strip() == "1",
        )

    @property
    def go_architecture(self) -> str:
        return GO_ARCHITECTURES.get(self.architecture, self.architecture)


def parse_os_release(text: str) -> dict[str, str]:
    """os-release(5): assignments, maybe in quotation marks."""
    values = {}
    for line in text.splitlines():
        name, sign, value = line.strip().partition("=")
        if not sign or name.startswith("#"):
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        for escaped in '"$`\\':
            value = value.replace(f"\\{escaped}", escaped)
        values[name] = value
    return values


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
