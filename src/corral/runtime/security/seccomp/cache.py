"""Compiled filters on disk, by digest of what they were compiled from; found again in memory without any digest."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from corral.errors import Invalid
from corral.oci.runtime import Seccomp
from corral.runtime.security.seccomp.architectures import Architecture, native
from corral.runtime.security.seccomp.compiler import compile_filter
from corral.runtime.security.seccomp.default import DEFAULT
from corral.runtime.security.seccomp.load import FILTER_ANNOTATION, FLAGS_ANNOTATION
from corral.runtime.security.seccomp.notify import Listener, listener_of
from corral.runtime.security.seccomp.profile import Profile, kernel_version, narrow, parse
from corral.runtime.security.seccomp.rules import flag_bits

__all__ = ["CompiledFilter", "FilterCache"]

_VERSION: Final = 2
"""Of the compiler: raised when its output for the same description changes."""


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    path: Path
    flags: int
    listener: Listener | None = None

    @property
    def annotations(self) -> dict[str, str]:
        """What tells init about the filter."""
        listener = self.listener.annotations if self.listener else {}
        return {FILTER_ANNOTATION: str(self.path), FLAGS_ANNOTATION: str(self.flags), **listener}


class FilterCache:
    """Filters for this machine in ``directory`` (``ExecRoot.seccomp``), which is made when needed.

    ``default``: the profile of containers that ask for none of their own.
    """

    def __init__(
        self,
        directory: Path,
        *,
        default: Profile = DEFAULT,
        machine: str | None = None,
        release: str | None = None,
    ) -> None:
        self._directory = directory
        self._default = default
        self._machine = machine or platform.machine()
        self._kernel = kernel_version(release or os.uname().release)
        self._known: dict[tuple[str, frozenset[str]], CompiledFilter] = {}

    @property
    def native(self) -> Architecture | None:
        """None: there are no tables for this machine, and its containers cannot be confined."""
        return native(self._machine)

    def get(self, profile: Profile, capabilities: Iterable[str]) -> CompiledFilter:
        """The filter of a profile for a container with ``capabilities`` (names such as "CAP_CHOWN").

        Compiles at most once per boot: some milliseconds; later calls cost microseconds. Raises Invalid, OSError.
        """
        key = (profile.digest, frozenset(capabilities))
        known = self._known.get(key)
        if known is None or not known.path.exists():
            self._known[key] = known = self._make(profile, tuple(sorted(key[1])))
        return known

    def annotations(self, profile: str | None, capabilities: tuple[str, ...]) -> dict[str, str]:
        """What tells init about the filter for a profile in Docker's format, or the default; empty when the profile
        says nothing. Raises as ``get`` does."""
        chosen = self._default if profile is None else parse(profile)
        return self.get(chosen, capabilities).annotations if chosen.default_action else {}

    def description(self, profile: str | None, capabilities: tuple[str, ...]) -> Seccomp | None:
        """The same filter as the runtime specification has it, for runtimes that compile it themselves.

        Raises Invalid.
        """
        chosen = self._default if profile is None else parse(profile)
        return self._narrow(chosen, tuple(sorted(capabilities))) if chosen.default_action else None

    def _make(self, profile: Profile, capabilities: tuple[str, ...]) -> CompiledFilter:
        description = self._narrow(profile, capabilities)
        listener = listener_of(description)
        text = json.dumps([_VERSION, self._machine, description.to_json()], sort_keys=True)
        path = self._directory / f"{hashlib.sha256(text.encode()).hexdigest()}.bpf"
        if not path.exists():
            _write(path, compile_filter(description, self._machine))
        return CompiledFilter(path, flag_bits(description.flags, notifies=listener is not None), listener)

    def _narrow(self, profile: Profile, capabilities: tuple[str, ...]) -> Seccomp:
        architecture = self.native
        if architecture is None:
            raise Invalid(f"seccomp is not supported on {self._machine}")
        return narrow(profile, capabilities, architecture, self._kernel)


def _write(path: Path, content: bytes) -> None:
    """Atomically: another daemon or a crash leaves either the whole file or none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)
