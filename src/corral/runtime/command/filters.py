"""The container's system call filter, compiled once: execs, which come in processes of their own, find it on disk.

Container init is told of it by annotations. Those of a bundle are not believed: whoever may annotate a container need
not be one who may choose its filter.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from corral.oci.runtime import Spec
from corral.runtime.command.records import FILTER, Directory
from corral.runtime.security.seccomp.load import FILTER_ANNOTATION, FLAGS_ANNOTATION, read

__all__ = ["compiled", "stored"]

_FLAGS: Final = f"{FILTER}.flags"


def compiled(spec: Spec, directory: Directory) -> Spec:
    """Compile and keep it; the spec for the first process. Raises Invalid, OSError."""
    if spec.linux.seccomp is None:
        return _told(spec, {})
    filter = read({}, spec.linux.seccomp)
    assert filter is not None
    directory.write(FILTER, filter.program)
    directory.write(_FLAGS, json.dumps(filter.flags).encode())
    return stored(spec, directory)


def stored(spec: Spec, directory: Directory) -> Spec:
    """The spec for one more process. Raises OSError."""
    if spec.linux.seccomp is None:
        return _told(spec, {})
    flags = json.loads(directory.read(_FLAGS))
    return _told(
        spec,
        {FILTER_ANNOTATION: f"{directory.root}/{directory.id}/{FILTER}", FLAGS_ANNOTATION: str(flags)},
    )


def _told(spec: Spec, own: dict[str, str]) -> Spec:
    others = {name: v for name, v in spec.annotations.items() if name not in (FILTER_ANNOTATION, FLAGS_ANNOTATION)}
    annotations = {**others, **own}
    return spec if annotations == spec.annotations else replace(spec, annotations=annotations)
