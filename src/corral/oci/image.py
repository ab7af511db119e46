"""The OCI image specification's configuration, manifest and index, with Docker's additions, as typed data.

An image is identified by the bytes of its configuration, so a decoded `ImageConfig` is for reading only: what was
loaded is stored and handed out as the bytes that came. Only `encode` of a configuration that this engine itself made
gives bytes to hash. Unknown fields are ignored; null is accepted wherever a list or a map may stand.
"""

from __future__ import annotations

from typing import Final

import msgspec

from corral.errors import Invalid, Unsupported
from corral.oci.digest import DiffID, Digest, parse_digest

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_MANIFEST_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"

DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"

REFERENCE_TYPE: Final = "vnd.docker.reference.type"
REFERENCE_DIGEST: Final = "vnd.docker.reference.digest"
ATTESTATION: Final = "attestation-manifest"

SCHEMA1_TYPES: Final = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
MANIFEST_TYPES: Final = frozenset({MANIFEST, DOCKER_MANIFEST})
INDEX_TYPES: Final = frozenset({INDEX, DOCKER_MANIFEST_LIST})


class Healthcheck(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """Durations in nanoseconds, zero for inherited; ``test``: NONE, CMD args... or CMD-SHELL line."""

    test: list[str] | None = None
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class ContainerConfig(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """What a container of the image starts with when nothing else is said."""

    user: str = ""
    exposed_ports: dict[str, dict[str, str]] | None = None
    env: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    volumes: dict[str, dict[str, str]] | None = None
    working_dir: str = ""
    labels: dict[str, str] | None = None
    stop_signal: str = ""
    stop_timeout: int | None = None
    on_build: list[str] | None = None
    shell: list[str] | None = None
    healthcheck: Healthcheck | None = None
    args_escaped: bool = False


class History(msgspec.Struct, frozen=True, omit_defaults=True):
    """One build step; ``empty_layer`` when it made no layer."""

    created: str | None = None
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class RootFS(msgspec.Struct, frozen=True):
    type: str = "layers"
    diff_ids: list[DiffID] | None = None


class ImageConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """The image configuration. ``created`` is RFC 3339."""

    architecture: str = ""
    os: str = ""
    variant: str = ""
    os_version: str = msgspec.field(name="os.version", default="")
    created: str | None = None
    author: str = ""
    comment: str = ""
    docker_version: str = ""
    config: ContainerConfig | None = None
    rootfs: RootFS = RootFS()
    history: list[History] | None = None

    @property
    def diff_ids(self) -> tuple[DiffID, ...]:
        return tuple(self.rootfs.diff_ids or ())

    @property
    def runtime(self) -> ContainerConfig:
        return self.config or _NOTHING


class Descriptor(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What one content says of another. ``urls``: where a foreign layer is fetched from."""

    media_type: str = ""
    digest: str = ""
    size: int = 0
    urls: list[str] | None = None
    annotations: dict[str, str] | None = None
    platform: DescriptorPlatform | None = None
    artifact_type: str = ""

    @property
    def attests(self) -> str:
        """The digest of the manifest that this one is an attestation of (BuildKit's annotations); "" for others."""
        annotations = self.annotations or {}
        if annotations.get(REFERENCE_TYPE) != ATTESTATION:
            return ""
        return annotations.get(REFERENCE_DIGEST, "")


class DescriptorPlatform(msgspec.Struct, frozen=True, omit_defaults=True):
    architecture: str = ""
    os: str = ""
    variant: str = ""
    os_version: str = msgspec.field(name="os.version", default="")


class Manifest(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    schema_version: int = 2
    media_type: str = MANIFEST
    config: Descriptor = Descriptor()
    layers: list[Descriptor] = []
    artifact_type: str | msgspec.UnsetType = msgspec.UNSET
    subject: Descriptor | msgspec.UnsetType | None = msgspec.UNSET
    annotations: dict[str, str] | msgspec.UnsetType | None = msgspec.UNSET


class Index(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    schema_version: int = 2
    media_type: str = INDEX
    manifests: list[Descriptor] = []
    artifact_type: str | msgspec.UnsetType = msgspec.UNSET
    subject: Descriptor | msgspec.UnsetType | None = msgspec.UNSET
    annotations: dict[str, str] | msgspec.UnsetType | None = msgspec.UNSET


_NOTHING: Final = ContainerConfig()
_CONFIG_DECODER: Final = msgspec.json.Decoder(ImageConfig)
_ENCODER: Final = msgspec.json.Encoder()


def decode_config(content: bytes) -> ImageConfig:
    """Raises Invalid naming the field that has the wrong shape, or a DiffID that is no digest."""
    try:
        config = _CONFIG_DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"invalid image configuration: {error}") from error
    if config.rootfs.type != "layers":
        raise Invalid(f"invalid image configuration: unknown rootfs type {config.rootfs.type!r}")
    for diff_id in config.diff_ids:
        parse_digest(diff_id)
    return config


def encode(value: msgspec.Struct) -> bytes:
    return _ENCODER.encode(value)


def refuse_schema1(name: str) -> Unsupported:
    """The error for an image that is only there as manifest schema 1, in Docker's words."""
    return Unsupported(
        "Docker Image Format v1 and Docker Image manifest version 2, schema 1 are not supported. Suggest the author of "
        f"{name} to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2. More information at "
        "https://docs.docker.com/go/deprecated-image-specs/"
    )


def decode_manifest(content: bytes, name: str = "the image") -> Manifest:
    """Raises Invalid, Unsupported for schema 1; ``name`` is for its message."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"invalid image manifest: {error}") from error
    if manifest.schema_version == 1 or manifest.media_type in SCHEMA1_TYPES:
        raise refuse_schema1(name)
    if manifest.schema_version != 2:
        raise Invalid(f"invalid image manifest: unknown schema version {manifest.schema_version}")
    for descriptor in (manifest.config, *manifest.layers):
        parse_digest(descriptor.digest)
    return manifest


def decode_index(content: bytes) -> Index:
    """Raises Invalid."""
    try:
        index = msgspec.json.decode(content, type=Index)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"invalid image index: {error}") from error
    for descriptor in index.manifests:
        parse_digest(descriptor.digest)
    return index


def descriptor_of(media_type: str, digest: Digest, size: int) -> Descriptor:
    return Descriptor(media_type=media_type, digest=digest, size=size)
