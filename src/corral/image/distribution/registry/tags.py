"""The tags of a repository, page by page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from typing import Final

import msgspec

from corral.image.distribution.registry.channel import Channel
from corral.image.distribution.registry.faults import Nonsense
from corral.image.distribution.registry.request import Request, operation

_LARGEST_PAGE: Final = 16 << 20
_MOST_PAGES: Final = 10_000
_LINK: Final = re.compile(r"\s*<([^>]*)>((?:\s*;\s*[^,;]+)*)\s*(?:,|$)")


class _Page(msgspec.Struct):
    tags: list[str] | None = None


async def tags(channel: Channel, name: str) -> AsyncIterator[str]:
    """Raises Fault."""
    url = channel.url(f"{name}/tags/list")
    for _ in range(_MOST_PAGES):
        answer, content = await channel.read(Request("GET", url), _LARGEST_PAGE)
        where = operation("GET", url)
        try:
            page = msgspec.json.decode(content, type=_Page)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Nonsense(f"{where}: invalid list of tags: {error}") from None
        for tag in page.tags or ():
            yield tag
        link = next_page(answer.headers.get("Link", ""))
        if not link:
            return
        following = channel.leads(url, link, where)
        if following == url:
            raise Nonsense(f"{where}: a page of tags follows itself")
        url = following
    raise Nonsense(f"{operation('GET', url)}: more than {_MOST_PAGES} pages of tags")


def next_page(header: str) -> str:
    """The target of ``Link: <TARGET>; rel="next"`` (RFC 8288), or nothing."""
    for target, parameters in _links(header):
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "rel" and "next" in value.strip().strip('"').lower().split():
                return target
    return ""


def _links(header: str) -> Iterable[tuple[str, list[str]]]:
    for match in _LINK.finditer(header):
        yield match[1], match[2].split(";")
