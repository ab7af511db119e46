"""``/metrics``: for Prometheus. Where people sign in, so must it."""

from __future__ import annotations

import asyncio

from aiohttp import web

from corral.registry.web.answers import answer
from corral.registry.web.service import Call

__all__ = ["get"]


async def get(call: Call) -> web.StreamResponse:
    gauges = await asyncio.to_thread(_gauges, call)
    return answer(200, {}, call.service.measures.text(gauges).encode(), "text/plain; version=0.0.4; charset=utf-8")


def _gauges(call: Call) -> list[tuple[str, str, float]]:
    storage = call.service.storage
    totals = storage.index.totals()
    return [
        ("stored_bytes", "bytes of blobs and manifests, each counted once", storage.index.stored_bytes()),
        ("repositories", "repositories that hold a manifest", totals.repositories),
        ("manifests", "manifests in all repositories", totals.manifests),
        ("tags", "tags in all repositories", totals.tags),
        ("uploads", "uploads that are not finished", sum(1 for _ in storage.blobs.ingests.iterdir())),
    ]
