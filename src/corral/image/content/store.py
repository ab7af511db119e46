"""The content store of images: configurations, manifests, indexes and compressed layers, by digest.

`corral.store.content` is the manual; here it gets its place below the data root.
"""

from __future__ import annotations

from typing import Final

from corral.store.content import Blobs, Ingest
from corral.store.layout import DataRoot

__all__ = ["ContentStore", "Ingest"]

KEEP_PARTIAL_SECONDS: Final = 24 * 3600.0
"""How long an interrupted download waits to be continued."""


class ContentStore(Blobs):
    def __init__(self, data: DataRoot) -> None:
        super().__init__(data.blobs, data.ingest)
        self.data = data

    def clean(self, keep_seconds: float = KEEP_PARTIAL_SECONDS) -> int:
        return super().clean(keep_seconds)
