"""``docker search``: the index's API of version 1, the only one that has a search.

docker.io is asked at its index, any other registry at itself, where hardly one answers. A name and a password are shown
without being asked for; what they are not, an identity token, is not sent. Source: what dockerd sends and says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import msgspec

from corral.api.types.registry import SearchResult
from corral.errors import CorralError, Invalid, Unavailable
from corral.image.distribution.registry.channel import Channel
from corral.image.distribution.registry.endpoints import INDEX_HOST, Endpoint
from corral.image.distribution.registry.faults import Fault, Refused, printable
from corral.image.distribution.registry.request import Request
from corral.oci.reference import DEFAULT_DOMAIN

if TYPE_CHECKING:
    from corral.image.distribution.registry.wire import Answer

_LARGEST: Final = 4 << 20
_OFFICIAL: Final = "library/"


class _Results(msgspec.Struct):
    results: list[SearchResult] | None = None


def split_term(term: str) -> tuple[str, str]:
    """The domain that is searched, and what for. Raises Invalid."""
    if "://" in term:
        raise Invalid(f"invalid repository name: repository name ({term}) should not have a scheme")
    head, slash, rest = term.partition("/")
    if slash and (any(c in head for c in ".:") or head == "localhost"):
        domain, name = (DEFAULT_DOMAIN if head == INDEX_HOST else head), rest
    else:
        domain, name = DEFAULT_DOMAIN, term
    return domain, name.removeprefix(_OFFICIAL) if domain == DEFAULT_DOMAIN else name


def index_of(domain: str, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Who is asked, in turn."""
    return (Endpoint("https", INDEX_HOST),) if domain == DEFAULT_DOMAIN else endpoints


async def search(channels: tuple[Channel, ...], name: str, limit: int) -> list[SearchResult]:
    """Raises Fault; Invalid when there is no index; Unavailable."""
    channel = await _index(channels)
    query = urlencode({"q": name, "n": limit})
    request = Request("GET", f"{_base(channel)}search?{query}", {"X-Docker-Token": "true"})
    try:
        answer = await channel.plainly(request)
        content = await _body(answer)
    except Refused as fault:
        raise Unavailable(f"Unexpected status code {fault.status}") from None
    try:
        results = msgspec.json.decode(content, type=_Results).results or []
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unavailable(f"error decoding registry search results: {error}") from None
    return [_clean(result) for result in results[:limit]]


async def _index(channels: tuple[Channel, ...]) -> Channel:
    first = channels[0]
    if first.endpoint.host == INDEX_HOST:
        return first
    failures: list[tuple[Channel, Fault | CorralError]] = []
    for channel in channels:
        try:
            answer = await channel.plainly(Request("GET", f"{_base(channel)}_ping"), any_status=True)
            answer.close()
            return channel
        except Fault as fault:
            failures.append((channel, fault))
    if len(failures) == 1:
        host = first.endpoint.host
        raise Invalid(
            f"invalid registry endpoint {_base(first)}: {failures[0][1]}. If this private registry supports only HTTP "
            f"or HTTPS with an unknown CA certificate, add `--insecure-registry {host}` to the daemon's arguments. In "
            "the case of HTTPS, if you have access to the registry's CA certificate, no need for the flag; place the "
            f"CA certificate at /etc/docker/certs.d/{host}/ca.crt"
        )
    (_, by_tls), (last, plain) = failures[:2]
    raise Invalid(f'invalid registry endpoint "{_base(last)}". HTTPS attempt: {by_tls}. HTTP attempt: {plain}')


def _base(channel: Channel) -> str:
    return f"{channel.endpoint.base}/v1/"


async def _body(answer: Answer) -> bytes:
    try:
        return await answer.read(_LARGEST)
    finally:
        answer.release()


def _clean(result: SearchResult) -> SearchResult:
    """``is_automated`` is not believed any more, as with Docker."""
    return SearchResult(
        star_count=result.star_count,
        is_official=result.is_official,
        name=printable(result.name),
        is_automated=False,
        description=printable(result.description),
    )
