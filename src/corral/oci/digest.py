"""Content digests, and the identities that are made of them.

Four strings look alike ("sha256:" and 64 hex digits) and mixing them up is the classic bug, so each has its type:

- `ImageID`: digest of the image's configuration, the exact JSON bytes;
- `DiffID`: digest of one layer's uncompressed tar;
- `ChainID`: identity of a layer together with all below it, computed from their DiffIDs;
- `Digest`: of any content (a manifest, a compressed layer).

Source: OCI image-spec, descriptor.md (digests) and config.md (layer ChainID).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final, NewType

from corral.errors import Invalid

Digest = NewType("Digest", str)
ImageID = NewType("ImageID", str)
DiffID = NewType("DiffID", str)
ChainID = NewType("ChainID", str)

_GRAMMAR: Final = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_LENGTHS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_LOWER_HEX: Final = frozenset("0123456789abcdef")


def parse_digest(text: str) -> Digest:
    """Raises Invalid when ``text`` is no digest, its algorithm is unknown, or its length is wrong."""
    if not _GRAMMAR.fullmatch(text):
        raise Invalid("invalid checksum digest format")
    algorithm, encoded = text.split(":", 1)
    length = _LENGTHS.get(algorithm)
    if length is None:
        raise Invalid("unsupported digest algorithm")
    if len(encoded) != length:
        raise Invalid("invalid checksum digest length")
    if not _LOWER_HEX.issuperset(encoded):
        raise Invalid("invalid checksum digest format")
    return Digest(text)


def algorithm_of(digest: str) -> str:
    return digest.partition(":")[0]


def encoded_of(digest: str) -> str:
    """The part after the algorithm."""
    return digest.partition(":")[2]


def short(digest: str) -> str:
    """The twelve digits that people are shown."""
    return encoded_of(digest)[:12]


def digest_of(content: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(content).hexdigest())


def chain_ids(diff_ids: Iterable[DiffID]) -> tuple[ChainID, ...]:
    """The ChainID of every layer, lowest first: ``C(0) = D(0)``, ``C(n) = sha256(C(n-1) + " " + D(n))``."""
    chain: list[ChainID] = []
    for diff_id in diff_ids:
        chain.append(ChainID(digest_of(f"{chain[-1]} {diff_id}".encode())) if chain else ChainID(diff_id))
    return tuple(chain)
