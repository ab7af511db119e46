"""Counters of what the server does, for Prometheus.

Several processes serve; each adds to a page of its own in memory that they share, and whoever is asked sums the pages
up. A page is an array of doubles; which one is which is computed once from the lists below, so that counting is one
addition and takes no lock.

Source: Prometheus text exposition format 0.0.4.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence
from typing import Final

from corral.registry.web.routes import Page

__all__ = ["Measures"]

_METHODS: Final = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "other")
_CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")
_PAGES: Final = (*(page.value for page in Page), "none")
_BOUNDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0)
_SIMPLE: Final = {
    "sent_bytes_total": ("counter", "bytes of blobs that were sent"),
    "received_bytes_total": ("counter", "bytes of blobs that were received"),
    "requests_in_flight": ("gauge", "requests that are being answered"),
    "refused_sign_ins_total": ("counter", "wrong passwords and tokens"),
    "tokens_issued_total": ("counter", "bearer tokens that were issued"),
    "proxy_hits_total": ("counter", "blobs and manifests answered from the cache"),
    "proxy_misses_total": ("counter", "blobs and manifests fetched from upstream"),
    "proxy_stale_total": ("counter", "manifests answered while upstream did not"),
    "collected_blobs_total": ("counter", "blobs that were removed as garbage"),
    "collected_bytes_total": ("counter", "their bytes"),
}

_REQUESTS: Final = len(_METHODS) * len(_PAGES) * len(_CLASSES)
_SECONDS: Final = len(_METHODS) * (len(_BOUNDS) + 2)
_SLOTS: Final = _REQUESTS + _SECONDS + len(_SIMPLE)
_METHOD_OF: Final = {name: number for number, name in enumerate(_METHODS)}
_PAGE_OF: Final = {name: number for number, name in enumerate(_PAGES)}
_SIMPLE_OF: Final = {name: _REQUESTS + _SECONDS + number for number, name in enumerate(_SIMPLE)}


class Measures:
    """Made before the processes are forked; `use` in each."""

    def __init__(self, processes: int = 1) -> None:
        self._memory = memoryview(mmap.mmap(-1, processes * _SLOTS * 8)).cast("d")
        self._processes = processes
        self._base = 0

    def use(self, process: int) -> None:
        self._base = process * _SLOTS
        self._memory[self._base + _SIMPLE_OF["requests_in_flight"]] = 0.0

    def add(self, name: str, amount: float = 1) -> None:
        """``name`` is one of the simple counters."""
        self._memory[self._base + _SIMPLE_OF[name]] += amount

    def request(self, method: str, page: Page | None, status: int, seconds: float) -> None:
        number = _METHOD_OF.get(method, len(_METHODS) - 1)
        where = _PAGE_OF[page.value if page else "none"]
        kind = min(max(status // 100, 1), 5) - 1
        memory = self._memory
        memory[self._base + (number * len(_PAGES) + where) * len(_CLASSES) + kind] += 1
        base = self._base + _REQUESTS + number * (len(_BOUNDS) + 2)
        for place, bound in enumerate(_BOUNDS):
            if seconds <= bound:
                memory[base + place] += 1
                break
        else:
            memory[base + len(_BOUNDS)] += 1
        memory[base + len(_BOUNDS) + 1] += seconds

    def text(self, gauges: Sequence[tuple[str, str, float]]) -> str:
        """The exposition; ``gauges`` are (name, help, value) of what is known elsewhere."""
        memory = self._memory
        sums = [sum(memory[slot::_SLOTS]) for slot in range(_SLOTS)]
        lines = [*_head("requests_total", "counter", "requests that were answered")]
        lines += _requests(sums)
        lines += _head("request_seconds", "histogram", "time until the last byte of an answer was handed over")
        lines += _histograms(sums)
        for name, (kind, text) in _SIMPLE.items():
            lines += [*_head(name, kind, text), _line(name, sums[_SIMPLE_OF[name]])]
        for name, text, value in gauges:
            lines += [*_head(name, "gauge", text), _line(name, value)]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP corral_registry_{name} {text}", f"# TYPE corral_registry_{name} {kind}"


def _line(name: str, value: float, labels: str = "") -> str:
    shown = f"{{{labels}}}" if labels else ""
    return f"corral_registry_{name}{shown} {int(value) if value == int(value) else value}"


def _requests(sums: Sequence[float]) -> Iterable[str]:
    slot = 0
    for method in _METHODS:
        for page in _PAGES:
            for kind in _CLASSES:
                if sums[slot]:
                    yield _line("requests_total", sums[slot], f'method="{method}",endpoint="{page}",code="{kind}"')
                slot += 1


def _histograms(sums: Sequence[float]) -> Iterable[str]:
    base = _REQUESTS
    for method in _METHODS:
        counts = sums[base : base + len(_BOUNDS) + 1]
        seconds = sums[base + len(_BOUNDS) + 1]
        base += len(_BOUNDS) + 2
        if not sum(counts):
            continue
        total = 0.0
        for bound, count in zip((*_BOUNDS, "+Inf"), counts, strict=True):
            total += count
            yield _line("request_seconds_bucket", total, f'method="{method}",le="{bound}"')
        yield _line("request_seconds_sum", seconds, f'method="{method}"')
        yield _line("request_seconds_count", total, f'method="{method}"')
