"""The filters of ``docker ps``, parsed and checked once, then a question to each record."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from corral.engine.container.checks.network import parse_port_range
from corral.engine.container.record import ContainerRecord, Status
from corral.errors import CorralError, Invalid

__all__ = ["Selection", "select"]

_LOOKED_UP: Final = frozenset({"ancestor", "before", "since"})
_HEALTH: Final = frozenset({"none", "starting", "healthy", "unhealthy"})

Test = Callable[[ContainerRecord], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records are wanted. ``stopped_too``: a filter asks for states other than running by itself."""

    tests: tuple[Test, ...] = ()
    stopped_too: bool = False

    def __contains__(self, record: ContainerRecord) -> bool:
        return all(test(record) for test in self.tests)


def select(
    filters: Mapping[str, Sequence[str]],
    find: Callable[[str], ContainerRecord],
    images: Callable[[str], set[str]],
) -> Selection:
    """``find``: a container by reference; ``images``: ids of all images that are, or are made from, one.

    Raises Invalid for an unknown filter or value, NotFound for containers that before and since name.
    """
    for name in filters:
        if name not in _TESTS and name not in _LOOKED_UP:
            raise Invalid(f"invalid filter '{name}'")
    tests: list[Test] = []
    for name, values in filters.items():
        if values:
            tests.append(_TESTS[name](values) if name in _TESTS else _relative(name, values, find, images))
    return Selection(tuple(tests), stopped_too="status" in filters or "before" in filters or "since" in filters)


def _relative(
    name: str,
    values: Sequence[str],
    find: Callable[[str], ContainerRecord],
    images: Callable[[str], set[str]],
) -> Test:
    """Filters that need to look something up."""
    if name == "ancestor":
        wanted: set[str] = set()
        for ref in values:
            try:
                wanted |= images(ref)
            except CorralError:  # no such image: nothing is made from it
                continue
        return lambda record: record.image_id in wanted
    borders = [find(ref).created for ref in values]
    if name == "before":
        return lambda record: record.created < min(borders)
    return lambda record: record.created > max(borders)


def _exited(values: Sequence[str]) -> Test:
    try:
        codes = {int(value) for value in values}
    except ValueError:
        raise Invalid(f"invalid filter 'exited={values[0]}'") from None
    return lambda record: record.state.exit_code in codes and not record.status.is_up and record.state.started_at > 0


def _status(values: Sequence[str]) -> Test:
    known = {status.value for status in Status}
    for value in values:
        if value not in known:
            states = "created, running, paused, restarting, removing, exited, dead"
            reason = f"invalid value for state ({value}): must be one of {states}"
            raise Invalid(f"invalid filter 'status={value}': {reason}")
    return lambda record: record.status.value in values


def _health(values: Sequence[str]) -> Test:
    for value in values:
        if value not in _HEALTH:
            states = "none, starting, healthy, unhealthy"
            reason = f"invalid value for health ({value}): must be one of {states}"
            raise Invalid(f"invalid filter 'health={value}': {reason}")
    return lambda _: "none" in values  # no container has a health state


def _label(values: Sequence[str]) -> Test:
    """All of them: ``key`` or ``key=value``."""

    def test(record: ContainerRecord) -> bool:
        labels = record.config.labels or {}
        for value in values:
            key, assigned, wanted = value.partition("=")
            if key not in labels or (assigned and labels[key] != wanted):
                return False
        return True

    return test


def _name(values: Sequence[str]) -> Test:
    """Regular expressions, with and without the leading slash: "^/web$" and "^web$" are both in use.

    One that is malformed stands for itself.
    """
    patterns = []
    for value in values:
        try:
            patterns.append(re.compile(value))
        except re.error:
            patterns.append(re.compile(re.escape(value)))
    return lambda record: any(pattern.search(record.name) or pattern.search(f"/{record.name}") for pattern in patterns)


def _id(values: Sequence[str]) -> Test:
    return lambda record: any(record.id.startswith(value) for value in values)


def _network(values: Sequence[str]) -> Test:
    def test(record: ContainerRecord) -> bool:
        settings = record.state.network
        networks = settings.networks if settings and settings.networks else {record.host_config.network_mode: None}
        for name, endpoint in networks.items():
            if name in values or (endpoint and any(endpoint.network_id.startswith(value) for value in values)):
                return True
        return False

    return test


def _volume(values: Sequence[str]) -> Test:
    wanted = {value if not value.startswith("/") else posixpath.normpath(value) for value in values}

    def test(record: ContainerRecord) -> bool:
        return any(
            point.destination in wanted or (point.name or point.source) in wanted or point.source in wanted
            for point in record.mounts
        )

    return test


def _ports(values: Sequence[str]) -> set[tuple[int, str]]:
    wanted = set()
    for value in values:
        try:
            first, last, protocol = parse_port_range(value)
        except Invalid as error:
            raise Invalid(f"invalid port specification: {value}") from error
        wanted |= {(number, protocol) for number in range(first, last + 1)}
    return wanted


def _exposed(values: Sequence[str]) -> Test:
    wanted = _ports(values)
    return lambda record: not wanted.isdisjoint(_ports(list(record.config.exposed_ports or ())))


def _published(values: Sequence[str]) -> Test:
    wanted = _ports(values)
    return lambda record: not wanted.isdisjoint(_ports(list(record.host_config.port_bindings or ())))


def _isolation(values: Sequence[str]) -> Test:
    return lambda record: (record.host_config.isolation or "default") in values


def _is_task(values: Sequence[str]) -> Test:
    if values[0].lower() not in ("true", "false", "1", "0"):
        raise Invalid(f"invalid filter 'is-task={values[0]}'")
    wanted = values[0].lower() in ("true", "1")
    return lambda _: not wanted  # nothing here is a task of a swarm


_TESTS: Final[dict[str, Callable[[Sequence[str]], Test]]] = {
    "exited": _exited,
    "expose": _exposed,
    "health": _health,
    "id": _id,
    "is-task": _is_task,
    "isolation": _isolation,
    "label": _label,
    "name": _name,
    "network": _network,
    "publish": _published,
    "status": _status,
    "volume": _volume,
}
