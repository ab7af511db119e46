"""What is sent to a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

Body = Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """``body`` is bytes, or what starts a stream of ``length`` bytes (None: unknown) anew."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body | None = None
    length: int | None = None


def operation(method: str, url: str) -> str:
    """``Get "URL"``, as Go names a request. Queries are left out: they hold signatures and the states of uploads."""
    return f'{method.capitalize()} "{url.partition("?")[0]}"'
