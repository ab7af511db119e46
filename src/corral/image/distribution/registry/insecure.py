"""Which registries may be spoken to without a checked certificate.

Source: Docker's ``insecure-registries`` (dockerd.8): host names, host:port, or CIDR ranges that a registry's addresses
are compared with; loopback always is one.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final

from corral.errors import Invalid
from corral.oci.reference import DEFAULT_DOMAIN

_LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
_HOST: Final = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def validate_insecure(text: str) -> str:
    """One entry without its scheme. Raises Invalid in Docker's words."""
    if text.startswith("-") or text.endswith("-"):
        raise Invalid(f"invalid index name ({text}). Cannot begin or end with a hyphen")
    scheme, colon, rest = text.partition("://")
    if colon:
        if scheme.lower() not in {"http", "https"}:
            raise Invalid(f"insecure registry {text} should not contain '://'")
        text = rest
    if _network(text) is None:
        host, port = split_port(text)
        if not _HOST.fullmatch(text) and _address(host) is None:
            raise Invalid(f'insecure registry {text} is not valid: invalid host "{host}"')
        if port is not None and not 0 <= port <= 65535:
            raise Invalid(f'insecure registry {text} is not valid: invalid port "{port}"')
    return text


def is_insecure(domain: str, insecure: Iterable[str]) -> bool:
    """May look ``domain`` up, which blocks, when it is no address and a range other than loopback is configured."""
    if domain == DEFAULT_DOMAIN:
        return False
    entries = tuple(insecure)
    if domain in entries:
        return True
    networks = [network for entry in (*entries, *_LOOPBACK) if (network := _network(entry)) is not None]
    host, _ = split_port(domain)
    return any(address in network for address in _addresses(host) for network in networks)


def split_port(text: str) -> tuple[str, int | None]:
    """Host, without brackets, and port."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or (":" in host and not host.endswith("]")):
        host, port = text, ""
    return host.removeprefix("[").removesuffix("]"), int(port) if port else None


def _addresses(host: str) -> list[_Address]:
    address = _address(host)
    if address is not None:
        return [address]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [address for entry in found if (address := _address(str(entry[4][0]))) is not None]


def _address(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _network(text: str) -> _Network | None:
    if "/" not in text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
