"""What a container asks for by name (``--device vendor.com/class=name``, ``--gpus``) -> edits of its spec."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterable, Sequence
from typing import Final

from corral.api.types.host_config import DeviceRequest
from corral.engine.cdi import file, names
from corral.engine.cdi.edits import NO_EDITS, Edits
from corral.engine.cdi.registry import Catalogue, Registry
from corral.errors import Internal, Invalid
from corral.oci.runtime import Device, DeviceRule, Hook, IntelRdt, Mount, NetDevice

__all__ = ["edits_of"]

_FAILED: Final = "CDI device injection failed"
_GPU: Final = "nvidia.com/gpu"
_GPU_DRIVERS: Final = ("", "nvidia")


def edits_of(requests: Sequence[DeviceRequest] | None, registry: Registry) -> Edits:
    """Reads specifications and looks at the host's nodes.

    Raises Invalid for a request that nobody can serve or that contradicts itself, Internal, as Docker does, for devices
    that are not there.
    """
    if not requests:
        return NO_EDITS
    catalogue = registry.catalogue() if registry.directories else Catalogue()
    wanted: list[str] = []
    for request in requests:
        if request.driver == "cdi" and registry.directories:
            wanted += _by_name(request)
        elif request.driver in _GPU_DRIVERS and _asks_for(request, "gpu"):
            wanted += _gpus(request, catalogue)
        else:
            raise _no_driver(request)
    unknown = [name for name in wanted if names.parse(name) is None or name not in catalogue.devices]
    if unknown:
        raise Internal(f"{_FAILED}: unresolvable CDI devices {', '.join(unknown)}")
    return _combined(wanted, catalogue)


def _by_name(request: DeviceRequest) -> list[str]:
    if request.count:
        raise Invalid("unexpected count in CDI device request")
    if request.options:
        raise Invalid("unexpected options in CDI device request")
    return list(request.device_ids or ())


def _asks_for(request: DeviceRequest, capability: str) -> bool:
    return any(capability in group for group in request.capabilities or ())


def _gpus(request: DeviceRequest, catalogue: Catalogue) -> list[str]:
    """Of NVIDIA's: those that are named, the first so many, or all."""
    known = [name.partition("=")[2] for name in catalogue.devices if name.startswith(f"{_GPU}=")]
    if not known:
        raise _no_driver(request, f"no CDI specification has devices of the kind {_GPU} (nvidia-ctk cdi generate)")
    if request.device_ids:
        if request.count:
            raise Invalid("cannot set both Count and DeviceIDs on device request")
        return [f"{_GPU}={id.removeprefix(f'{_GPU}=')}" for id in request.device_ids]
    numbered = sorted((name for name in known if re.fullmatch(r"\d{1,9}", name, re.ASCII)), key=int)
    if request.count < 0:
        return [f"{_GPU}=all"] if "all" in known else [f"{_GPU}={name}" for name in numbered or known]
    if request.count > len(numbered):
        raise _no_driver(request, f"{request.count} devices of the kind {_GPU} are wanted, there are {len(numbered)}")
    return [f"{_GPU}={name}" for name in numbered[: request.count]]


def _no_driver(request: DeviceRequest, reason: str = "") -> Invalid:
    """As Go prints a list of lists; and why, where there is more to say than Docker does."""
    capabilities = " ".join(f"[{' '.join(group)}]" for group in request.capabilities or ())
    message = f'could not select device driver "{request.driver}" with capabilities: [{capabilities}]'
    return Invalid(f"{message}: {reason}" if reason else message)


def _combined(wanted: Iterable[str], catalogue: Catalogue) -> Edits:
    """The edits of each specification before those of the first of its devices."""
    parts: list[file.ContainerEdits] = []
    seen: set[int] = set()
    for name in dict.fromkeys(wanted):
        spec, device = catalogue.devices[name]
        if id(spec) not in seen:
            seen.add(id(spec))
            parts.append(spec.container_edits)
        parts.append(device.container_edits)
    nodes = [_node(node) for part in parts for node in part.device_nodes or ()]
    return Edits(
        env=tuple(pair for part in parts for pair in part.env or ()),
        devices=tuple(device for device, _ in nodes),
        rules=tuple(rule for _, rule in nodes if rule is not None),
        mounts=tuple(_mount(mount) for part in parts for mount in part.mounts or ()),
        hooks=tuple((_moment(hook.hook_name), _hook(hook)) for part in parts for hook in part.hooks or ()),
        gids=tuple(gid for part in parts for gid in part.additional_gids or () if gid),
        net_devices={
            device.host_interface_name: NetDevice(device.name) for part in parts for device in part.net_devices or ()
        },
        intel_rdt=next((_rdt(part.intel_rdt) for part in reversed(parts) if part.intel_rdt is not None), None),
    )


def _node(node: file.DeviceNode) -> tuple[Device, DeviceRule | None]:
    """What kind of node it is, if not said, is as the host has it. A pipe needs no rule."""
    kind, major, minor = node.type, node.major, node.minor
    if not kind or (kind != "p" and not major):
        source = node.host_path or node.path
        try:
            info = os.stat(source)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Internal(f'{_FAILED}: failed to stat CDI host device "{source}": {reason}') from None
        found = _kind(info.st_mode)
        if found is None or (kind and found != {"u": "c"}.get(kind, kind)):
            expected = f', expected type "{kind}"' if kind else ""
            raise Internal(f'{_FAILED}: CDI device "{source}" is not a device node{expected}')
        kind = kind or found
        if kind != "p" and not major:
            major, minor = os.major(info.st_rdev), os.minor(info.st_rdev)
    path = posixpath.join("/", node.path)
    device = Device(path, kind, major, minor, node.file_mode, node.uid, node.gid)
    if kind == "p":
        return device, None
    letter = "c" if kind == "u" else kind
    return device, DeviceRule(True, letter, major, minor, node.permissions or "rwm")


def _kind(mode: int) -> str | None:
    kinds = ((stat.S_ISCHR, "c"), (stat.S_ISBLK, "b"), (stat.S_ISFIFO, "p"))
    return next((letter for test, letter in kinds if test(mode)), None)


def _mount(mount: file.Mount) -> Mount:
    kind, options = mount.type or "bind", tuple(mount.options or ())
    if kind == "bind" and not {"bind", "rbind"} & set(options):
        options = ("rbind", *options)
    return Mount(posixpath.join("/", mount.container_path), kind, mount.host_path, options)


def _moment(name: str) -> str:
    """createRuntime -> create_runtime."""
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def _hook(hook: file.Hook) -> Hook:
    return Hook(hook.path, tuple(hook.args or ()), tuple(hook.env or ()), hook.timeout)


def _rdt(rdt: file.IntelRdt) -> IntelRdt:
    return IntelRdt(
        clos_id=rdt.clos_id,
        l3_cache_schema=rdt.l3_cache_schema,
        mem_bw_schema=rdt.mem_bw_schema,
        schemata=tuple(rdt.schemata or ()),
        enable_monitoring=rdt.enable_monitoring,
        enable_cmt=rdt.enable_cmt,
        enable_mbm=rdt.enable_mbm,
    )
