"""Which interpreter a command that clones goes on in: no container may get hold of the host's (CVE-2019-5736)."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.oci.runtime import Spec

__all__ = ["enter_sealed", "needs_trampoline"]

_MAIN = f"{os.path.dirname(os.path.abspath(__file__))}/main.py"


def enter_sealed() -> None:
    """Start over from a sealed one, under ``-SI``: no site packages, no variables of Python's. Returns in that one.

    Before anything was made or connected to: nothing of this process survives. Raises OSError.
    """
    from corral.runtime.init.sealed import ensure_sealed

    ensure_sealed(("-SI", _MAIN, *sys.argv[1:]))


def needs_trampoline(spec: Spec) -> bool:
    """Whether the container's first process must reach its program by a trampoline. Else this interpreter is sealed, or
    the command starts over. Raises OSError."""
    from corral.linux import prctl
    from corral.runtime.init import trampoline
    from corral.runtime.init.sealed import is_sealed

    if is_sealed() or not trampoline.suffices(spec):
        enter_sealed()
        return False
    prctl.set_dumpable(False)
    return True
