"""All containers of this exec root, by id."""

from __future__ import annotations

from collections.abc import Iterator

from corral.errors import Conflict, NotFound
from corral.runtime.driver import Stdio
from corral.runtime.supervisor.container import Container
from corral.runtime.supervisor.description import Traits
from corral.runtime.supervisor.process import Process
from corral.runtime.supervisor.services import Services


class Containers:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._containers: dict[str, Container] = {}

    def new(self, id: str, traits: Traits, stdio: Stdio) -> Container:
        """Known from now on, until it is removed. Raises Conflict, and what ``Container`` raises."""
        if id in self._containers:
            raise Conflict(f"container {id} exists already")
        container = Container(self._services, id, traits, stdio, lambda: self._forget(id))
        self._containers[id] = container
        return container

    def get(self, id: str) -> Container:
        """Raises NotFound."""
        try:
            return self._containers[id]
        except KeyError:
            raise NotFound(f"No such container: {id}") from None

    def find(self, id: str) -> Container | None:
        return self._containers.get(id)

    def processes(self) -> Iterator[Process]:
        for container in tuple(self._containers.values()):
            yield container.init
            yield from tuple(container.execs.values())

    def kept(self) -> Iterator[tuple[str, int]]:
        """The descriptors that others keep duplicates of, by their names."""
        for container in tuple(self._containers.values()):
            for process in (container.init, *container.execs.values()):
                yield from process.kept()
            for start in container.starts.values():
                yield from start.kept()

    def __iter__(self) -> Iterator[Container]:
        return iter(tuple(self._containers.values()))

    def __len__(self) -> int:
        return len(self._containers)

    def _forget(self, id: str) -> None:
        self._containers.pop(id, None)
