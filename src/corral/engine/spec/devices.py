"""Devices: ``--device``, ``--device-cgroup-rule`` and all of them for ``--privileged``."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
from collections.abc import Iterable, Iterator
from typing import Final

from corral.api.types.host_config import DeviceMapping, HostConfig
from corral.engine.cdi.edits import apply
from corral.engine.spec.input import HostDevices, SpecInput
from corral.errors import Invalid
from corral.oci.runtime import Device, DeviceRule, Resources, Spec
from corral.runtime.cgroups.devices import DEFAULT_RULES

__all__ = ["host_devices", "with_devices", "with_named_devices"]

_RULE: Final = re.compile(r"([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})")
_ALL_ACCESS: Final = "rwm"
_EVERYTHING: Final = DeviceRule(allow=True, type="a", access=_ALL_ACCESS)

_OWN: Final = frozenset(
    {"/dev/pts", "/dev/shm", "/dev/fd", "/dev/mqueue", "/dev/.lxc", "/dev/.lxd-mounts", "/dev/.udev"}
)
"""Directories of the host's /dev that containers have of their own."""

_ALWAYS: Final = frozenset(
    f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "console", "ptmx")
)


def with_devices(given: SpecInput, spec: Spec) -> Spec:
    """What may be opened is the default set, what was asked for, or everything."""
    if given.record.host_config.privileged:
        rules: tuple[DeviceRule, ...] = (_EVERYTHING,)
    else:
        rules = (*DEFAULT_RULES, *given.devices.rules)
    linux = dataclasses.replace(spec.linux, devices=given.devices.nodes, resources=Resources(devices=rules))
    return dataclasses.replace(spec, linux=linux)


def with_named_devices(given: SpecInput, spec: Spec) -> Spec:
    """Last, for their environment and mounts replace what is there."""
    return apply(given.named_devices, spec)


def host_devices(host_config: HostConfig) -> HostDevices:
    """Looks at the host's devices. Raises Invalid for a path that is not there and for a malformed rule."""
    custom = tuple(_rule(text) for text in host_config.device_cgroup_rules or ())
    if host_config.privileged:
        nodes = {node.path: node for node in _walk("/dev")}
        mapped = _mapped(mapping for mapping in host_config.devices or ())
        return HostDevices(tuple({**nodes, **{node.path: node for node, _ in mapped}}.values()))
    if not host_config.devices and not custom:
        return HostDevices()
    pairs = list(_mapped(host_config.devices or ()))
    return HostDevices(tuple(node for node, _ in pairs), (*(rule for _, rule in pairs), *custom))


def _mapped(mappings: Iterable[DeviceMapping]) -> Iterator[tuple[Device, DeviceRule]]:
    for mapping in mappings:
        source, target = mapping.path_on_host, mapping.path_in_container or mapping.path_on_host
        access = mapping.cgroup_permissions or _ALL_ACCESS
        try:
            real = os.path.realpath(source, strict=True)
            node = _node(target, real)
        except OSError as error:
            raise Invalid(_gathering(source, (error.strerror or str(error)).lower())) from error
        if node is None and not os.path.isdir(real):
            raise Invalid(_gathering(source, "not a device node"))
        nodes = [node] if node is not None else list(_below(real, target))
        for node in nodes:
            yield node, DeviceRule(True, node.type, node.major, node.minor, access)


def _gathering(path: str, reason: str) -> str:
    return f'error gathering device information while adding custom device "{path}": {reason}'


def _below(directory: str, target: str) -> Iterator[Device]:
    """All nodes in a directory such as /dev/snd, which may have none; what vanishes meanwhile is left out."""
    for parent, _, names in os.walk(directory):
        for name in sorted(names):
            host = os.path.join(parent, name)
            try:
                node = _node(os.path.join(target, os.path.relpath(host, directory)), host)
            except OSError:
                continue
            if node is not None:
                yield node


def _walk(directory: str) -> Iterator[Device]:
    """All device nodes below, without those that init makes itself and what containers have of their own."""
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.path in _OWN or entry.path in _ALWAYS or entry.is_symlink():
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            elif node := _node(entry.path, entry.path):
                yield node


def _node(path: str, host: str) -> Device | None:
    info = os.stat(host)
    kinds = ((stat.S_ISCHR, "c"), (stat.S_ISBLK, "b"))
    kind = next((letter for test, letter in kinds if test(info.st_mode)), None)
    if kind is None:
        return None
    return Device(
        path,
        kind,
        os.major(info.st_rdev),
        os.minor(info.st_rdev),
        stat.S_IMODE(info.st_mode),
        info.st_uid,
        info.st_gid,
    )


def _rule(text: str) -> DeviceRule:
    """ "c 10:* rwm"."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise Invalid(f"invalid device cgroup rule format: '{text}'")
    major, minor = (None if number == "*" else int(number) for number in match.group(2, 3))
    return DeviceRule(True, match[1], major, minor, match[4])
