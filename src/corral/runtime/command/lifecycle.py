"""The hooks whose failure is a warning, and those that follow are run (runtime.md 1.2, "Lifecycle", steps 9 and 13)."""

from __future__ import annotations

from typing import Final

from corral.oci.runtime import Spec
from corral.runtime.command.context import Context
from corral.runtime.init import hooks

__all__ = ["POSTSTART", "POSTSTOP", "run_hooks"]

POSTSTART: Final = "poststart"
POSTSTOP: Final = "poststop"


def run_hooks(context: Context, kind: str, id: str, pid: int, bundle: str, spec: Spec) -> None:
    """``kind``: POSTSTART or POSTSTOP; ``pid``: 0 when there is none any more."""
    if spec.hooks is None:
        return
    these = spec.hooks.poststart if kind == POSTSTART else spec.hooks.poststop
    if not these:
        return
    facts = hooks.state(id, "running" if kind == POSTSTART else "stopped", pid, bundle, spec.annotations)
    for warning in hooks.run_all(kind, these, facts):
        context.warning(warning)
