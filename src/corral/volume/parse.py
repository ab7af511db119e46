"""What clients ask for, one mount each: pure functions from the API's forms to `ContainerMount`.

Every complaint is an `Invalid` with Docker's wording. Whether a source exists is not looked at here.
"""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping
from typing import Final, TypeVar

from corral.api.types.mount import BindOptions, Mount, TmpfsOptions, VolumeOptions
from corral.api.types.wire import UNSET, UnsetType
from corral.errors import Invalid
from corral.volume import idmap, mode, tmpfs
from corral.volume.mount import ContainerMount

__all__ = ["bind", "image_volume", "mount", "tmpfs_mount", "volumes_from"]

T = TypeVar("T")

_DEFAULT_VOLUME_MODE: Final = "z"
"""What Docker shows for a volume without a mode."""


def bind(text: str, volume_driver: str = "") -> ContainerMount:
    """One of HostConfig.Binds: SOURCE:DESTINATION[:MODE]; a source that is no absolute path names a volume."""
    parts = text.split(":")
    if len(parts) > 3 or "" in parts[:2] or (len(parts) == 2 and mode.is_mode(parts[1])):
        raise Invalid(f"invalid volume specification: '{text}'")
    source, target = ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
    words = parts[2] if len(parts) == 3 else ""
    parsed = mode.parse(words)
    is_bind = source.startswith("/")
    wanted = Mount(type="bind" if is_bind else "volume", source=source, target=target, read_only=parsed.read_only)
    if parsed.propagation:
        wanted.bind_options = BindOptions(propagation=parsed.propagation)
    if parsed.no_copy:
        wanted.volume_options = VolumeOptions(no_copy=True)
    try:
        result = mount(wanted, volume_driver)
    except Invalid as error:
        raise Invalid(f"invalid volume specification: '{text}': {error}") from None
    shown = words if is_bind or words else _DEFAULT_VOLUME_MODE
    return dataclasses.replace(result, mode=shown, create_source=is_bind, id_map=parsed.idmap)


def mount(wanted: Mount, volume_driver: str = "") -> ContainerMount:
    """One of HostConfig.Mounts."""
    kind = _text(wanted.type)
    try:
        destination = _destination(_text(wanted.target))
        if kind == "bind":
            return _bind(wanted, destination)
        if kind == "volume":
            return _volume(wanted, destination, volume_driver)
        if kind == "tmpfs":
            return _tmpfs(wanted, destination)
        raise Invalid("mount type unknown")
    except Invalid as error:
        raise Invalid(f'invalid mount config for type "{kind}": {error}') from None


def tmpfs_mount(target: str, options: str) -> ContainerMount:
    """One of HostConfig.Tmpfs; inspect does not list it."""
    return ContainerMount("tmpfs", _destination(target), tmpfs_options=tmpfs.parse(options), shown=False)


def image_volume(target: str, volume_driver: str = "") -> ContainerMount:
    """A VOLUME of the image, or a -v with nothing but a destination: an anonymous volume."""
    return ContainerMount("volume", posixpath.normpath(target), driver=volume_driver or "local")


def volumes_from(text: str) -> tuple[str, bool]:
    """One of HostConfig.VolumesFrom, CONTAINER[:MODE]: the container, and whether its mounts become read-only."""
    container, _, words = text.partition(":")
    if not container:
        raise Invalid(f"malformed volumes-from specification: {text}")
    return container, mode.parse(words).read_only


def _bind(wanted: Mount, destination: str) -> ContainerMount:
    source = _text(wanted.source)
    options = _given(wanted.bind_options)
    if not source:
        raise Invalid("field Source must not be empty")
    propagation = _text(options.propagation) if options is not None else ""
    if propagation and propagation not in mode.PROPAGATIONS:
        raise Invalid(f"invalid propagation mode: {propagation}")
    _refuse(wanted, "VolumeOptions", "TmpfsOptions")
    if not source.startswith("/"):
        raise Invalid(f"invalid mount path: '{source}' mount path must be absolute")
    options = options or BindOptions()
    recursion = ""
    if options.read_only_non_recursive is True:
        recursion = "no"
    if options.read_only_force_recursive is True:
        recursion = "force"
    return ContainerMount(
        "bind",
        destination,
        source=posixpath.normpath(source),
        read_only=wanted.read_only is True,
        propagation=propagation,
        create_source=options.create_mountpoint is True,
        non_recursive=options.non_recursive is True,
        recursive_read_only=recursion,
        id_map=_idmap(options),
    )


def _idmap(options: BindOptions) -> str:
    """The API's ``IDMap``: "" for none, "idmap", or Podman's "uids=...;gids=..."."""
    text = _text(options.id_map)
    if not text:
        return ""
    return idmap.check(text if idmap.is_idmap(text) else f"{idmap.WORD}={text}")


def _volume(wanted: Mount, destination: str, volume_driver: str) -> ContainerMount:
    name = _text(wanted.source)
    _refuse(wanted, "BindOptions", "TmpfsOptions")
    if not name and wanted.read_only is True:
        raise Invalid("must not set ReadOnly mode when using anonymous volumes")
    options = _given(wanted.volume_options) or VolumeOptions()
    subpath = _text(options.subpath)
    if subpath and (subpath.startswith("/") or ".." in subpath.split("/")):
        raise Invalid("subpath must be a relative path within the volume")
    config = _given(options.driver_config)
    return ContainerMount(
        "volume",
        destination,
        name=name,
        driver=(_text(config.name) if config is not None else "") or volume_driver or "local",
        mode=_DEFAULT_VOLUME_MODE,
        read_only=wanted.read_only is True,
        no_copy=options.no_copy is True,
        subpath=subpath,
        labels=_map(options.labels),
        options=_map(config.options) if config is not None else {},
    )


def _tmpfs(wanted: Mount, destination: str) -> ContainerMount:
    _refuse(wanted, "BindOptions", "VolumeOptions")
    if _text(wanted.source):
        raise Invalid("field Source must not be specified")
    options = _given(wanted.tmpfs_options) or TmpfsOptions()
    words = ["ro"] if wanted.read_only is True else []
    if isinstance(options.mode, int) and options.mode:
        words.append(f"mode={options.mode:o}")
    if isinstance(options.size_bytes, int) and options.size_bytes:
        words.append(f"size={options.size_bytes}")
    words += ["=".join(pair) for pair in _given(options.options) or []]
    return ContainerMount(
        "tmpfs", destination, read_only=wanted.read_only is True, tmpfs_options=tmpfs.parse(",".join(words))
    )


def _destination(target: str) -> str:
    if not target:
        raise Invalid("field Target must not be empty")
    clean = posixpath.normpath(target).replace("//", "/")
    if clean == "/":
        raise Invalid("invalid specification: destination can't be '/'")
    if not clean.startswith("/"):
        raise Invalid(f"invalid mount path: '{target}' mount path must be absolute")
    return clean


def _refuse(wanted: Mount, *fields: str) -> None:
    present = {
        "BindOptions": wanted.bind_options,
        "VolumeOptions": wanted.volume_options,
        "TmpfsOptions": wanted.tmpfs_options,
    }
    for name in fields:
        if _given(present[name]) is not None:
            raise Invalid(f"field {name} must not be specified")


def _text(value: str | UnsetType) -> str:
    return "" if value is UNSET else str(value)


def _given(value: T | UnsetType | None) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _map(value: Mapping[str, str] | UnsetType | None) -> dict[str, str]:
    return dict(value) if isinstance(value, Mapping) else {}
