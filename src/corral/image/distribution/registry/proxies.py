"""Which proxy a request goes through.

``no_proxy`` is a list with commas; an entry is ``*``, an address, a CIDR range, a name (it and all below it) or a name
with a dot before it (only those below it), each with or without a port. localhost and loopback addresses are never
reached through a proxy. Source: golang.org/x/net/http/httpproxy, which Docker uses.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from corral.errors import Invalid
from corral.image.distribution.registry.config import Proxies
from corral.image.distribution.registry.insecure import split_port

_PORTS: Final = {"http": 80, "https": 443}
_SCHEMES: Final = frozenset({"http", "https"})


def proxy_for(url: str, proxies: Proxies) -> str | None:
    """The URL of the proxy, or None. Raises Invalid for a proxy that cannot be used."""
    parts = urlsplit(url)
    proxy = proxies.https if parts.scheme == "https" else proxies.http
    host = parts.hostname or ""
    if not proxy or not _is_proxied(host, parts.port or _PORTS[parts.scheme], proxies.no_proxy):
        return None
    return _checked(proxy)


def _is_proxied(host: str, port: int, no_proxy: str) -> bool:
    host = host.lower().rstrip(".")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return False
    return not any(_matches(entry.strip().lower(), host, port, address) for entry in no_proxy.split(","))


def _matches(entry: str, host: str, port: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    if not entry:
        return False
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, entry_port = split_port(entry)
    if entry_port is not None and entry_port != port:
        return False
    other = _address(name)
    if other is not None:
        return other == address
    name = name.removeprefix("*")
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _checked(proxy: str) -> str:
    url = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        shown = url.rpartition("@")[2]  # without name and password
        raise Invalid(f"invalid proxy address {shown}: only http and https proxies can be used")
    return url
