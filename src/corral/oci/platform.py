"""Platforms: operating system, architecture, variant, in the spelling that images use (Go's GOOS and GOARCH).

An index offers images for several; `acceptable` lists, best first, what runs where one of them was asked for, and
`host_preference` what runs here. Variants: arm v8 runs v7 and so on down to v5; arm64 runs arm of the same and lower
versions; amd64 has the levels of the x86-64 psABI (v2, v3, v4), of which a processor has all up to one, and runs 386.

Source: OCI image-spec, image-index.md, "Platform Variants"; Go's GOAMD64; the order is that of containerd's
platforms.Only.
"""

from __future__ import annotations

import functools
import platform as _host
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
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


def normalized(platform: Platform) -> Platform:
    """In the one spelling that is compared: arm64 is v8, amd64 v1, arm v7, unless they say otherwise."""
    architecture, variant = _MACHINES.get(platform.architecture, (platform.architecture, ""))
    if platform.architecture not in ("arm", "amd64", "arm64"):
        variant = platform.variant or variant
    else:
        variant = platform.variant or (_DEFAULT_ARM if architecture == "arm" else "")
    if (architecture, variant) in _DEFAULTS:
        variant = ""
    return Platform(_SYSTEMS.get(platform.os.lower(), platform.os.lower()), architecture, variant)


def acceptable(platform: Platform) -> tuple[Platform, ...]:
    """What runs where ``platform`` does, the best first: itself, lower variants, then what it runs besides."""
    platform = normalized(platform)
    found = [platform, *_lower(platform)]
    if platform.architecture == "amd64":
        found.append(replace(platform, architecture="386", variant=""))
    elif platform.architecture == "arm64":
        arm = replace(platform, architecture="arm", variant="v8")
        found += [arm, *_lower(arm)]
    return tuple(found)


def _lower(platform: Platform) -> list[Platform]:
    match = _VERSION.fullmatch(platform.variant)
    if match is None:
        return []
    highest, lowest = int(match[1]), {"arm": 5, "amd64": 1, "arm64": 8}.get(platform.architecture, int(match[1]))
    below = [replace(platform, variant=f"v{number}") for number in range(highest - 1, lowest - 1, -1)]
    if platform.architecture == "arm64" and match[2]:
        minors = range(int(match[2]) - 1, 0, -1)
        below = [replace(platform, variant=f"v{highest}.{minor}") for minor in minors]
        below.append(replace(platform, variant=f"v{highest}"))
    return [normalized(one) for one in below]


def rank(preference: Sequence[Platform], actual: Platform) -> int | None:
    """The place of ``actual`` in a list of `acceptable`; None when it is not in it."""
    try:
        return preference.index(normalized(actual))
    except ValueError:
        return None


@functools.cache
def host_preference() -> tuple[Platform, ...]:
    """What runs here, the best first."""
    host = host_platform()
    if host.architecture == "amd64":
        host = replace(host, variant=amd64_level(_processor_flags()))
    return acceptable(host)


def amd64_level(flags: frozenset[str]) -> str:
    """The highest level of the x86-64 psABI that a processor with these ``flags`` (/proc/cpuinfo) has, "" for v1."""
    level = ""
    for name, needed in _AMD64_LEVELS:
        if not needed <= flags:
            break
        level = name
    return level


def _processor_flags() -> frozenset[str]:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            line = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return frozenset()
    return frozenset(line.partition(":")[2].split())


_DEFAULT_ARM: Final = "v7"
_DEFAULTS: Final = frozenset({("arm64", "v8"), ("amd64", "v1")})
_VERSION: Final = re.compile(r"v(\d)(?:\.(\d))?")
_AMD64_LEVELS: Final = (
    ("v2", frozenset(["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"])),
    ("v3", frozenset(["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"])),
    ("v4", frozenset(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])),
)
