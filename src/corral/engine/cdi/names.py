"""Names of kinds and devices, by the specification's grammar ("Kind", "Device names")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["QualifiedName", "is_class", "is_device", "is_vendor", "parse"]

_VENDOR: Final = re.compile(r"[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
_DEVICE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class QualifiedName:
    vendor: str
    class_: str
    device: str

    @property
    def kind(self) -> str:
        return f"{self.vendor}/{self.class_}"

    def __str__(self) -> str:
        return f"{self.kind}={self.device}"


def is_vendor(text: str) -> bool:
    return _VENDOR.fullmatch(text) is not None


def is_class(text: str) -> bool:
    return _VENDOR.fullmatch(text) is not None


def is_device(text: str) -> bool:
    return _DEVICE.fullmatch(text) is not None


def parse(text: str) -> QualifiedName | None:
    """``vendor.com/class=name``; None for anything else, such as a path."""
    kind, equals, device = text.partition("=")
    vendor, slash, class_ = kind.partition("/")
    if not (equals and slash and is_vendor(vendor) and is_class(class_) and is_device(device)):
        return None
    return QualifiedName(vendor, class_, device)
