"""`ContainerMount`: one thing that is mounted into a container, as a plan, and resolved as the container's record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from corral.oci.codec import Codec

__all__ = ["ContainerMount"]


@dataclass(frozen=True, slots=True)
class ContainerMount:
    """``type`` is bind, volume or tmpfs; ``destination`` absolute and clean.

    ``source``: a directory or file of the host; of a volume its data directory, "" until it is resolved. ``name`` and
    ``driver``: of a volume; a name "" asks for an anonymous one. ``mode``: the text that inspect shows.

    Of binds: ``propagation`` ("" is rprivate), ``create_source`` (as -v does), ``non_recursive``, and how read-only
    extends to mounts below the source: ``recursive_read_only`` is "" (where the kernel can), "no" or "force".
    Of volumes: ``no_copy`` (do not fill it from the image), ``subpath``, and ``labels`` and ``options`` for one that is
    yet to be made. Of tmpfs: ``tmpfs_options`` as mount(8) has them. ``id_map``: of binds and
    volumes, how their owners are mapped, see `idmap`. ``shown``: whether inspect lists it.
    """

    type: str
    destination: str
    source: str = ""
    name: str = ""
    driver: str = ""
    mode: str = ""
    read_only: bool = False
    propagation: str = ""
    create_source: bool = False
    non_recursive: bool = False
    recursive_read_only: str = ""
    no_copy: bool = False
    subpath: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    tmpfs_options: tuple[str, ...] = ()
    id_map: str = ""
    shown: bool = True

    def to_json(self) -> dict[str, Any]:
        return _CODEC.encode(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ContainerMount:
        """Raises ValueError."""
        return _CODEC.decode(data)


_CODEC: Final = Codec.of(ContainerMount)
