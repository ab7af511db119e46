"""Images: list, inspect, history, removal and prune."""

from __future__ import annotations

from corral.api.types.common import NO_TIME, GraphDriverData, HealthConfig
from corral.api.types.wire import UNSET, GoSet, LowerWire, UnsetType, Wire, field

__all__ = [
    "AttestationProperties",
    "Descriptor",
    "DescriptorPlatform",
    "ImageConfig",
    "ImageDeleteItem",
    "ImageHistoryItem",
    "ImageInspect",
    "ImageMetadata",
    "ImageProperties",
    "ImageRootFS",
    "ImageSummary",
    "ImagesPruneReport",
    "ManifestSize",
    "ManifestSummary",
    "UnpackedSize",
]


class DescriptorPlatform(LowerWire):
    """``os_version`` and the rest are only there when they say something."""

    architecture: str = ""
    os: str = ""
    os_version: str | UnsetType = field(name="os.version", default=UNSET)
    variant: str | UnsetType = UNSET


class Descriptor(LowerWire):
    """OCI's descriptor of a content: bytes, digest and media type."""

    media_type: str = ""
    digest: str = ""
    size: int = 0
    urls: list[str] | UnsetType = UNSET
    annotations: dict[str, str] | UnsetType | None = UNSET
    platform: DescriptorPlatform | UnsetType | None = UNSET
    artifact_type: str | UnsetType = UNSET


class ManifestSize(Wire):
    """Bytes: ``content`` of the blobs that are stored, ``total`` with the unpacked layers."""

    content: int = 0
    total: int = 0


class UnpackedSize(Wire):
    unpacked: int = 0


class ImageProperties(Wire):
    platform: DescriptorPlatform = field(default_factory=DescriptorPlatform)
    size: UnpackedSize = field(default_factory=UnpackedSize)
    containers: list[str] = []


class AttestationProperties(Wire):
    """``for_``: the digest of the manifest that is attested."""

    for_: str = field(name="For", default="")


class ManifestSummary(Wire):
    """One member of an index (or the only manifest); ``kind``: image, attestation, unknown."""

    id: str = field(name="ID", default="")
    descriptor: Descriptor = field(default_factory=Descriptor)
    available: bool = False
    kind: str = "unknown"
    size: ManifestSize = field(default_factory=ManifestSize)
    image_data: ImageProperties | UnsetType = UNSET
    attestation_data: AttestationProperties | UnsetType = UNSET


class ImageSummary(Wire):
    """One line of the list. ``created`` in seconds since the epoch; -1 means "not counted"."""

    containers: int = -1
    created: int = 0
    id: str = ""
    labels: dict[str, str] | None = None
    parent_id: str = ""
    repo_digests: list[str] | None = []
    repo_tags: list[str] | None = []
    shared_size: int = -1
    size: int = 0
    virtual_size: int | UnsetType = UNSET
    """Before API 1.44."""
    descriptor: Descriptor | UnsetType = UNSET
    """From API 1.48 on: what the name refers to in a registry."""
    manifests: list[ManifestSummary] | UnsetType = UNSET
    """From API 1.47 on, when asked for."""


class ImageConfig(Wire):
    """Defaults for the image's containers, as inspect shows them from API 1.50 on."""

    user: str = ""
    exposed_ports: GoSet | UnsetType | None = UNSET
    env: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    volumes: GoSet | None = None
    working_dir: str = ""
    labels: dict[str, str] | None = None
    stop_signal: str | UnsetType = UNSET
    args_escaped: bool | UnsetType = UNSET
    healthcheck: HealthConfig | UnsetType | None = UNSET
    on_build: list[str] | None = None
    shell: list[str] | UnsetType | None = UNSET


class ImageRootFS(Wire):
    type: str = "layers"
    layers: list[str] | UnsetType | None = UNSET


class ImageMetadata(Wire):
    last_tag_time: str = NO_TIME


class ImageInspect(Wire):
    id: str = ""
    repo_tags: list[str] = []
    repo_digests: list[str] = []
    parent: str = ""
    comment: str = ""
    created: str | UnsetType = UNSET
    docker_version: str = ""
    author: str = ""
    config: ImageConfig | None = None
    architecture: str = ""
    variant: str | UnsetType = UNSET
    os: str = ""
    os_version: str | UnsetType = UNSET
    size: int = 0
    virtual_size: int | UnsetType = UNSET
    """Before API 1.44."""
    graph_driver: GraphDriverData = field(default_factory=GraphDriverData)
    root_fs: ImageRootFS = field(default_factory=ImageRootFS, name="RootFS")
    metadata: ImageMetadata = field(default_factory=ImageMetadata)
    descriptor: Descriptor | UnsetType = UNSET
    """From API 1.48 on."""
    manifests: list[ManifestSummary] | UnsetType = UNSET
    """From API 1.48 on, when asked for."""


class ImageHistoryItem(Wire):
    """Newest first. ``id`` is "<missing>" for steps that have no image of their own."""

    comment: str = ""
    created: int = 0
    created_by: str = ""
    id: str = ""
    size: int = 0
    tags: list[str] | None = None


class ImageDeleteItem(Wire):
    """Either a tag that was taken away or an image or layer that is gone."""

    untagged: str | UnsetType = UNSET
    deleted: str | UnsetType = UNSET


class ImagesPruneReport(Wire):
    images_deleted: list[ImageDeleteItem] | None = None
    space_reclaimed: int = 0
