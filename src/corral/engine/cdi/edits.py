"""Edits of a container's spec in the spec's own terms, and making them: pure."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from corral.oci.runtime import (
    Device,
    DeviceRule,
    Hook,
    Hooks,
    IntelRdt,
    Mount,
    NetDevice,
    Resources,
    Spec,
)

__all__ = ["NO_EDITS", "Edits", "apply"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edits:
    """In order; of two that contradict each other the later counts. ``rules``: what may be done with ``devices``."""

    env: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    rules: tuple[DeviceRule, ...] = ()
    mounts: tuple[Mount, ...] = ()
    hooks: tuple[tuple[str, Hook], ...] = ()
    """(field of `Hooks`, hook)."""
    gids: tuple[int, ...] = ()
    net_devices: dict[str, NetDevice] = field(default_factory=dict)
    intel_rdt: IntelRdt | None = None


NO_EDITS: Final = Edits()


def apply(edits: Edits, spec: Spec) -> Spec:
    """Replaces variables, nodes and mounts of the same name or place."""
    if edits == NO_EDITS:
        return spec
    process = dataclasses.replace(
        spec.process,
        env=_override(spec.process.env, edits.env, lambda pair: pair.partition("=")[0]),
        additional_groups=tuple(dict.fromkeys((*spec.process.additional_groups, *map(str, edits.gids)))),
    )
    linux = spec.linux
    resources = linux.resources or Resources()
    linux = dataclasses.replace(
        linux,
        devices=_override(linux.devices, edits.devices, lambda device: posixpath.normpath(device.path)),
        resources=dataclasses.replace(resources, devices=(*resources.devices, *edits.rules)),
        net_devices={**linux.net_devices, **edits.net_devices},
        intel_rdt=edits.intel_rdt or linux.intel_rdt,
    )
    return dataclasses.replace(
        spec,
        process=process,
        linux=linux,
        mounts=_mounts(spec.mounts, edits.mounts),
        hooks=_hooks(spec.hooks, edits.hooks),
    )


def _override(before: tuple[T, ...], added: tuple[T, ...], key: Callable[[T], str]) -> tuple[T, ...]:
    merged = {key(item): item for item in before}
    for item in added:
        merged[key(item)] = item
    return tuple(merged.values())


def _mounts(before: tuple[Mount, ...], added: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """Those that are added go after whatever they may be inside of: parents first, else in order."""
    if not added:
        return before
    merged = _override(before, added, lambda mount: posixpath.normpath(mount.destination))
    return tuple(sorted(merged, key=lambda mount: len(posixpath.normpath(mount.destination).strip("/").split("/"))))


def _hooks(before: Hooks | None, added: tuple[tuple[str, Hook], ...]) -> Hooks | None:
    if not added:
        return before
    hooks = before or Hooks()
    for moment, hook in added:
        hooks = dataclasses.replace(hooks, **{moment: (*getattr(hooks, moment), hook)})
    return hooks
