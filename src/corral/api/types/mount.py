"""Mounts: as asked for (`Mount`, of ``--mount``) and as they are (`MountPoint`, of inspect)."""

from __future__ import annotations

from corral.api.types.wire import UNSET, UnsetType, Wire, field

__all__ = ["BindOptions", "DriverConfig", "ImageOptions", "Mount", "MountPoint", "TmpfsOptions", "VolumeOptions"]


class BindOptions(Wire):
    propagation: str | UnsetType = UNSET
    non_recursive: bool | UnsetType = UNSET
    create_mountpoint: bool | UnsetType = UNSET
    read_only_non_recursive: bool | UnsetType = UNSET
    read_only_force_recursive: bool | UnsetType = UNSET
    id_map: str | UnsetType = field(default=UNSET, name="IDMap")
    """Not Docker's: "idmap", or Podman's "uids=...;gids=..."."""


class DriverConfig(Wire):
    name: str | UnsetType = UNSET
    options: dict[str, str] | UnsetType | None = UNSET


class VolumeOptions(Wire):
    no_copy: bool | UnsetType = UNSET
    labels: dict[str, str] | UnsetType | None = UNSET
    subpath: str | UnsetType = UNSET
    driver_config: DriverConfig | UnsetType | None = UNSET


class ImageOptions(Wire):
    subpath: str | UnsetType = UNSET


class TmpfsOptions(Wire):
    """``mode`` is a plain number (0o1777 is 1023); ``options`` is a list of ["key"] or ["key", "value"]."""

    size_bytes: int | UnsetType = UNSET
    mode: int | UnsetType = UNSET
    options: list[list[str]] | UnsetType | None = UNSET


class Mount(Wire):
    """``type`` is bind, volume, tmpfs, image, npipe or cluster."""

    type: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    target: str | UnsetType = UNSET
    read_only: bool | UnsetType = UNSET
    consistency: str | UnsetType = UNSET
    bind_options: BindOptions | UnsetType | None = UNSET
    volume_options: VolumeOptions | UnsetType | None = UNSET
    image_options: ImageOptions | UnsetType | None = UNSET
    tmpfs_options: TmpfsOptions | UnsetType | None = UNSET


class MountPoint(Wire):
    type: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    source: str = ""
    destination: str = ""
    driver: str | UnsetType = UNSET
    mode: str = ""
    rw: bool = field(default=False, name="RW")
    propagation: str = ""
