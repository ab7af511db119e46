"""How many descriptors a worker may have open: a tree is walked with one for each level."""

from __future__ import annotations

import contextlib
import resource


def raise_descriptor_limit() -> None:
    """As far as it may go without privileges."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
