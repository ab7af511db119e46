"""Whether credentials are good: ``docker login``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from corral.errors import Invalid
from corral.image.distribution.registry.channel import Channel
from corral.image.distribution.registry.faults import Fault, Refused, status_line
from corral.image.distribution.registry.request import Request

SUCCEEDED: Final = "Login Succeeded"


@dataclass(frozen=True, slots=True, repr=False)
class LoginAnswer:
    """``identity_token``: what is kept and sent from now on in place of the password, if the registry gave one."""

    status: str
    identity_token: str = ""


def server_host(address: str) -> str:
    """The host of what a person or a configuration file calls a registry. Raises Invalid."""
    url = address if address.startswith(("https://", "http://")) else f"https://{address}"
    try:
        host = urlsplit(url).netloc
    except ValueError as error:
        raise Invalid(f"unable to parse server address: {error}") from None
    if not host or "@" in host:
        raise Invalid("unable to parse server address: it names no host")
    return host


async def login(channels: tuple[Channel, ...]) -> LoginAnswer:
    """At the first server that answers. Raises Fault."""
    last: Fault | None = None
    for channel in channels:
        try:
            return await _attempt(channel)
        except Fault as fault:
            last = fault
            if isinstance(fault, Refused) and fault.code == "UNAUTHORIZED":
                break
    assert last is not None, "there always is an endpoint"
    raise last


async def _attempt(channel: Channel) -> LoginAnswer:
    await channel.server.ping()
    try:
        answer = await channel.send(Request("GET", channel.endpoint.ping))
    except Refused as fault:
        if fault.by_token_server:
            raise
        text = f"login attempt to {channel.endpoint.ping} failed with status: {status_line(fault.status)}"
        raise Refused(text, fault.status) from None
    answer.release()
    return LoginAnswer(SUCCEEDED, channel.identity_token)
