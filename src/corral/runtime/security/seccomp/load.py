"""From a container's description to an installed filter, in the child.

The engine compiles ahead of time and names the file in two annotations; a description without them is compiled on
the spot. ``read`` needs the host's file system, ``Filter.install`` nothing: init calls one before it changes root and
the other last, because the filter holds for init itself from then on.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from corral.linux import libc, seccomp
from corral.oci.runtime import Seccomp

__all__ = ["FILTER_ANNOTATION", "FLAGS_ANNOTATION", "Filter", "read"]

FILTER_ANNOTATION: Final = "io.corral.seccomp.bpf"
"""Path of a compiled program."""

FLAGS_ANNOTATION: Final = "io.corral.seccomp.flags"
"""Decimal number: flags for seccomp(2)."""


@dataclass(frozen=True, slots=True)
class Filter:
    program: bytes
    flags: int

    def install(self) -> int | None:
        """For the calling thread, for good. Needs no_new_privs or CAP_SYS_ADMIN. Raises OSError.

        Returns the close-on-exec descriptor on which an agent is to answer (see ``notify``), if there is to be one.
        """
        descriptor = seccomp.install(self.program, self.flags)
        return descriptor if self.flags & seccomp.SECCOMP_FILTER_FLAG_NEW_LISTENER else None


def read(annotations: Mapping[str, str], description: Seccomp | None) -> Filter | None:
    """None: the container is unconfined. Raises OSError, or Invalid when the description cannot be compiled."""
    path = annotations.get(FILTER_ANNOTATION)
    if path:
        flags = int(annotations.get(FLAGS_ANNOTATION, seccomp.SECCOMP_FILTER_FLAG_SPEC_ALLOW))
        return Filter(_contents(path), flags)
    if description is None:
        return None
    # Not on the path of a container that the engine described: costs an import and milliseconds of compiling.
    from corral.runtime.security.seccomp.compiler import compile_filter
    from corral.runtime.security.seccomp.notify import listener_of
    from corral.runtime.security.seccomp.rules import flag_bits

    flags = flag_bits(description.flags, notifies=listener_of(description) is not None)
    return Filter(compile_filter(description, libc.MACHINE), flags)


@functools.lru_cache(16)
def _contents(path: str) -> bytes:
    """Kept: the files are named by their content."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, os.fstat(fd).st_size)
    finally:
        os.close(fd)
