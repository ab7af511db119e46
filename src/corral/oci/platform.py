"""Platforms: operating system, architecture, variant, in the spelling that images use (Go's GOOS and GOARCH)."""

from __future__ import annotations

import platform as _host
from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid

_MACHINES: Final = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "amd64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "arm64": ("arm64", ""),
    "armv7l": ("arm", "v7"),
    "armhf": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "armel": ("arm", "v6"),
    "arm": ("arm", "v7"),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "386": ("386", ""),
    "ppc64le": ("ppc64le", ""),
    "s390x": ("s390x", ""),
    "riscv64": ("riscv64", ""),
    "loongarch64": ("loong64", ""),
    "loong64": ("loong64", ""),
    "mips64": ("mips64le", ""),
}
_SYSTEMS: Final = {"linux": "linux", "windows": "windows", "freebsd": "freebsd", "darwin": "darwin", "macos": "darwin"}


@dataclass(frozen=True, slots=True)
class Platform:
    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def host_platform() -> Platform:
    return Platform("linux", *_MACHINES.get(_host.machine(), (_host.machine(), "")))


def parse_platform(text: str) -> Platform:
    """``os``, ``architecture``, ``os/architecture`` or ``os/architecture/variant``; missing parts are the host's.

    Raises Invalid.
    """
    parts = text.lower().split("/")
    if len(parts) > 3 or not all(part and part.replace("-", "").replace("_", "").isalnum() for part in parts):
        raise Invalid(f'"{text}": invalid platform')
    host = host_platform()
    if len(parts) == 1:
        if parts[0] in _SYSTEMS:
            return Platform(_SYSTEMS[parts[0]], host.architecture, host.variant)
        if parts[0] in _MACHINES:
            return Platform(host.os, *_MACHINES[parts[0]])
        raise Invalid(f'"{text}": unknown operating system or architecture: invalid argument')
    architecture, variant = _MACHINES.get(parts[1], (parts[1], ""))
    if len(parts) == 3:
        variant = parts[2]
    if architecture == "arm64" and variant == "v8":
        variant = ""
    return Platform(_SYSTEMS.get(parts[0], parts[0]), architecture, variant)
