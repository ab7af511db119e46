"""Volumes as the API shows them, and the filters of list and prune: pure functions."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from corral.api.types.volume import Volume, VolumeUsage
from corral.errors import Invalid
from corral.volume.records import VolumeRecord

__all__ = ["ANONYMOUS", "LIST_FILTERS", "PRUNE_FILTERS", "check", "matches", "matches_prune", "show"]

ANONYMOUS = "com.docker.volume.anonymous"
"""The label of volumes whose name was made up."""

Filters = Mapping[str, Sequence[str]]


LIST_FILTERS = frozenset({"dangling", "driver", "label", "name"})
PRUNE_FILTERS = frozenset({"all", "label", "label!"})


def check(filters: Filters, known: frozenset[str]) -> None:
    """Raises Invalid for filters that there are not."""
    for kind in filters:
        if kind not in known:
            raise Invalid(f"invalid filter '{kind}'")


def show(record: VolumeRecord, mountpoint: str, scope: str, usage: VolumeUsage | None = None) -> Volume:
    moment = datetime.datetime.fromtimestamp(record.created // 1_000_000_000, datetime.UTC)
    volume = Volume(
        created_at=f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        driver=record.driver,
        labels=record.labels,
        mountpoint=mountpoint,
        name=record.name,
        options=record.options or None,
        scope=scope,
    )
    if usage is not None:
        volume.usage_data = usage
    return volume


def matches(record: VolumeRecord, used: bool, filters: Filters) -> bool:
    """Of list: all kinds must match, any value of a kind does; of labels all. Raises Invalid for bad values."""
    for kind, values in filters.items():
        if kind == "dangling":
            if _boolean(kind, values) == used:
                return False
        elif kind == "driver":
            if record.driver not in values:
                return False
        elif kind == "name":
            if not any(value in record.name for value in values):
                return False
        elif kind == "label" and not all(_has_label(record, value) for value in values):
            return False
    return True


def matches_prune(record: VolumeRecord, filters: Filters) -> bool:
    """Of prune, which takes anonymous volumes only unless ``all``. Raises Invalid for bad values."""
    everything = False
    for kind, values in filters.items():
        if kind == "all":
            everything = _boolean(kind, values)
        elif kind == "label":
            if not all(_has_label(record, value) for value in values):
                return False
        elif kind == "label!" and any(_has_label(record, value) for value in values):
            return False
    return everything or ANONYMOUS in (record.labels or {})


def _has_label(record: VolumeRecord, text: str) -> bool:
    name, given, value = text.partition("=")
    labels = record.labels or {}
    return name in labels and (not given or labels[name] == value)


def _boolean(kind: str, values: Sequence[str]) -> bool:
    words = {value.lower() for value in values}
    if words <= {"1", "true", "t"}:
        return True
    if words <= {"0", "false", "f"}:
        return False
    raise Invalid(f"invalid filter '{kind}={sorted(values)}'")
