"""What is known of one layer."""

from __future__ import annotations

from dataclasses import dataclass

from corral.oci.digest import ChainID, DiffID


@dataclass(frozen=True, slots=True)
class Layer:
    """``size``: bytes of its files; ``tar_size``: of the tar whose digest ``diff_id`` is."""

    chain_id: ChainID
    diff_id: DiffID
    parent: ChainID | None
    cache_id: str
    size: int
    tar_size: int
