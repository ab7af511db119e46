"""Volumes."""

from __future__ import annotations

from corral.api.types.wire import UNSET, UnsetType, Wire

__all__ = ["Volume", "VolumeCreateRequest", "VolumeListResponse", "VolumeUsage", "VolumesPruneReport"]


class VolumeUsage(Wire):
    """Containers that use it, and bytes; -1 means "not counted"."""

    ref_count: int = -1
    size: int = -1


class Volume(Wire):
    created_at: str | UnsetType = UNSET
    driver: str = "local"
    labels: dict[str, str] | None = None
    mountpoint: str = ""
    name: str = ""
    options: dict[str, str] | None = None
    scope: str = "local"
    status: dict[str, str] | UnsetType | None = UNSET
    usage_data: VolumeUsage | UnsetType | None = UNSET


class VolumeCreateRequest(Wire):
    """An empty name asks for a random one, an empty driver for ``local``."""

    name: str = ""
    driver: str = ""
    driver_opts: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class VolumeListResponse(Wire):
    volumes: list[Volume] | None = None
    warnings: list[str] | None = None


class VolumesPruneReport(Wire):
    volumes_deleted: list[str] | None = None
    space_reclaimed: int = 0
