"""All specifications in the configured directories, as they are now.

Of two directories the later one counts; a device that two files of one directory name is nobody's. A file that is not
valid is an error of its own and hides nothing else.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from corral.engine.cdi.file import Device, SpecFile, decode

__all__ = ["DEFAULT_DIRECTORIES", "Catalogue", "Registry"]

DEFAULT_DIRECTORIES: Final = ("/etc/cdi", "/var/run/cdi")
_LARGEST: Final = 16 << 20
_ENDINGS: Final = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """``devices`` by qualified name, in order, each with the file that it is from; ``errors`` by path."""

    devices: dict[str, tuple[SpecFile, Device]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


_Stamp = tuple[int, int, int]


class Registry:
    """``directories`` empty: there are no devices by name at all. Files are read again when they have changed."""

    def __init__(self, directories: Sequence[str] = ()) -> None:
        self.directories = tuple(directories)
        self._read: dict[str, tuple[_Stamp, SpecFile | str]] = {}

    def catalogue(self) -> Catalogue:
        """Never raises: what is wrong is in it."""
        found = Catalogue()
        seen = set()
        for directory in self.directories:
            here: dict[str, str] = {}
            conflicts = set()
            for path in _files(directory, found.errors):
                seen.add(path)
                spec = self._spec(path)
                if isinstance(spec, str):
                    found.errors[path] = spec
                    continue
                for device in spec.devices:
                    name = f"{spec.kind}={device.name}"
                    if name in here:
                        conflicts.add(name)
                        message = f'conflicting device "{name}" (specs "{here[name]}", "{path}")'
                        found.errors[path] = found.errors[here[name]] = message
                    here[name] = path
                    found.devices[name] = spec, device
            for name in conflicts:
                del found.devices[name]
        for path in self._read.keys() - seen:
            del self._read[path]
        return Catalogue(dict(sorted(found.devices.items())), found.errors)

    def _spec(self, path: str) -> SpecFile | str:
        """The specification, or what is wrong with it."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            return f"open {path}: {(error.strerror or '').lower()}"
        with open(fd, "rb") as file:
            info = os.fstat(fd)
            stamp = info.st_mtime_ns, info.st_size, info.st_ino
            known = self._read.get(path)
            if known is not None and known[0] == stamp:
                return known[1]
            if not stat.S_ISREG(info.st_mode):
                return "not a regular file"
            if info.st_size > _LARGEST:
                return f"larger than {_LARGEST} bytes"
            try:
                spec: SpecFile | str = decode(_load(path, file.read(_LARGEST)))
            except (OSError, ValueError, RecursionError) as error:
                spec = f"failed to load CDI Spec: {str(error) or type(error).__name__}"
        self._read[path] = stamp, spec
        return spec


def _files(directory: str, errors: dict[str, str]) -> Iterator[str]:
    """Those with the right ending, by name. A directory that is not there is empty."""
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return
    except OSError as error:
        errors[directory] = (error.strerror or "").lower()
        return
    for name in names:
        path = os.path.join(directory, name)
        if name.endswith(_ENDINGS) and not os.path.isdir(path):
            yield path


def _load(path: str, data: bytes) -> Any:
    """Raises ValueError."""
    if path.endswith(".json"):
        try:
            return msgspec.json.decode(data)
        except msgspec.DecodeError as error:
            raise ValueError(f"failed to parse CDI Spec: {error}") from None
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise ValueError("failed to parse CDI Spec: YAML files need the Python package pyyaml") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(data, loader)  # noqa: S506 (a safe loader)
    except yaml.YAMLError as error:
        raise ValueError(f"failed to parse CDI Spec: {' '.join(str(error).split())}") from None
