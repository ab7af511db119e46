"""Who makes a container's processes: ``creation``, which clones them, or ``runtime.external``, which has another
program do it, and which is imported when the first container asks for that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from corral.runtime.driver import Attachment, RuntimeBinary, Stdio

if TYPE_CHECKING:  # which knows its makers
    from corral.oci.rootfs import RootfsMount
    from corral.oci.runtime import Process, Spec
    from corral.runtime.supervisor.container import Container
    from corral.runtime.supervisor.services import Services
    from corral.runtime.supervisor.start import Outcome


class Create(Protocol):
    """See ``creation.create``."""

    def __call__(
        self,
        services: Services,
        container: Container,
        spec: Spec,
        rootfs: tuple[RootfsMount, ...],
        attachments: Sequence[Attachment],
        *,
        go: bool,
        outcome: Outcome,
    ) -> None: ...


class Execute(Protocol):
    """See ``creation.execute``."""

    def __call__(
        self,
        services: Services,
        container: Container,
        exec_id: str,
        process_spec: Process,
        stdio: Stdio,
        attachments: Sequence[Attachment],
        outcome: Outcome,
    ) -> None: ...


def create_of(runtime: RuntimeBinary | None) -> Create:
    if runtime is None:
        from corral.runtime.supervisor.creation import create
    else:
        from corral.runtime.external.creation import create
    return create


def execute_of(runtime: RuntimeBinary | None) -> Execute:
    if runtime is None:
        from corral.runtime.supervisor.creation import execute
    else:
        from corral.runtime.external.execution import execute
    return execute


def resume_externally(services: Services, container: Container, *, go: bool) -> Callable[[int | None], None]:
    """After a predecessor, for a container that had not started as far as that knew. Returns who is to be told of its
    first process's end."""
    from corral.runtime.external.creation import resume

    return resume(services, container, go=go)


def end_strays_externally(services: Services, container: Container) -> None:
    """After a predecessor, for a container with a runtime."""
    from corral.runtime.external.strays import end_strays

    end_strays(services, container)


def delete_externally(services: Services, container: Container, deleted: Callable[[], None]) -> None:
    """Tell the program that made it; ``deleted`` is called when that has done what it can."""
    from corral.runtime.external.deletion import delete

    delete(services, container, deleted)
