"""A container's hooks that are run outside of it: by a child of the supervisor's, which goes on meanwhile. The child
answers the process that waits for them itself, and so does not need a supervisor that lives."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from corral.oci.runtime import Hooks, Spec
from corral.runtime.init import hooks
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.services import Services

if TYPE_CHECKING:  # which has its starts, which have hooks
    from corral.runtime.supervisor.container import Container

_NONE = Hooks()

Done = Callable[[bool], None]
"""Called once, later or at once; False when the child was killed."""


def before_pivot(services: Services, container: Container, sync: int, done: Done) -> None:
    """prestart and createRuntime; the answer is sent to ``sync``, the socket of the process that waits. Raises
    OSError."""
    spec = container.spec()
    state = _state(container, spec, "creating", container.init.pid)

    def work() -> None:
        os.write(sync, hooks.answer(spec.hooks or _NONE, state))

    services.exits.apart(work, done, keep=sync)


def after_start(services: Services, container: Container, done: Done) -> None:
    """poststart. One that fails is a warning."""
    spec = container.spec()
    _run(services, container, spec, "poststart", _state(container, spec, "running", container.init.pid), done)


def after_end(services: Services, container: Container, spec: Spec, done: Done) -> None:
    """poststop: nothing is left of it, so that ``spec`` was read before."""
    _run(services, container, spec, "poststop", _state(container, spec, "stopped", 0), done)


def _run(services: Services, container: Container, spec: Spec, kind: str, state: bytes, done: Done) -> None:
    all_of_them = spec.hooks or _NONE
    wanted = all_of_them.poststart if kind == "poststart" else all_of_them.poststop

    def work() -> None:
        for warning in hooks.run_all(kind, wanted, state):
            report("warning", process=container.id, message=warning)

    if not wanted:
        done(True)
        return
    try:
        services.exits.apart(work, done)
    except OSError as error:
        report(f"{kind} hooks not run", error, container=container.id)
        done(False)


def _state(container: Container, spec: Spec, status: str, pid: int) -> bytes:
    return hooks.state(container.id, status, pid, container.bundle, spec.annotations)
