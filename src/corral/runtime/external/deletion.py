"""The end of a container that a runtime made: ``delete --force``, for what it keeps of it and for its hooks.

Whether that works or not, the supervisor removes processes, cgroup and files itself afterwards.
"""

from __future__ import annotations

from collections.abc import Callable

from corral.runtime.external.command import Command, Result
from corral.runtime.external.workspace import Workspace
from corral.runtime.supervisor.container import Container
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.loop import Timer
from corral.runtime.supervisor.services import Services

_PATIENCE = 10.0
"""Seconds after which a runtime is killed that does not come to an end."""


def delete(services: Services, container: Container, deleted: Callable[[], None]) -> None:
    """``deleted`` is called when the runtime has done what it can, or at once if it knows nothing of the container."""
    assert container.traits.runtime is not None
    workspace = Workspace(container.bundle, container.traits.cgroup)
    if not workspace.knows(container.id):
        deleted()
        return
    timer: Timer | None = None

    def ended(result: Result) -> None:
        if timer is not None:
            timer.cancel()
        if not result.good:
            report("runtime could not delete", container=container.id, message=result.message)
        deleted()

    try:
        command = Command(
            services, container.traits.runtime, workspace, "delete", ["delete", "--force", container.id], ended
        )
    except OSError as error:
        report("runtime not run", error, container=container.id)
        deleted()
        return
    timer = services.loop.call_later(_PATIENCE, command.kill)
