"""How a container's root filesystem is to be mounted: described by the image room, executed by container init."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from corral.oci.codec import Codec


@dataclass(frozen=True, slots=True)
class RootfsMount:
    """One mount of the root filesystem, later ones on top of earlier ones.

    ``type`` is "overlay" (``source`` is only a name; ``options`` hold ``lowerdir=A:B`` with the topmost layer first,
    ``upperdir=``, ``workdir=`` and flags, whose paths may be relative to the directory ``base``) or "bind" (``source``
    is the directory that becomes the root). ``mapped``: the files' owners on the disk are those inside of the
    container's user namespace.
    """

    type: str
    source: str
    options: tuple[str, ...] = ()
    base: str = ""
    mapped: bool = False

    def to_json(self) -> dict[str, Any]:
        return _CODEC.encode(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RootfsMount:
        return _CODEC.decode(data)


_CODEC: Final = Codec.of(RootfsMount)
