"""--network (plain or ``name=...,alias=...,ip=...``), --add-host, --dns, --link, --mac-address."""

from __future__ import annotations

import re
from collections.abc import Sequence

from corral.cli.errors import UsageError
from corral.cli.kinds import go_quote, parse_int
from corral.cli.opts.csv import pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    Json = dict[str, object]

_PAIR = "[0-9A-Fa-f]{2}"
_MAC = rf"(?:{_PAIR}[:-]){{5}}{_PAIR}|(?:{_PAIR}[:-]){{7}}{_PAIR}|(?:{_PAIR}{_PAIR}\.){{2}}{_PAIR}{_PAIR}"
PREDEFINED = ("default", "bridge", "none", "host")


class Attachment:
    """One network to join. ``endpoint`` is the API's EndpointSettings, with only what was asked for."""

    __slots__ = ("endpoint", "name")

    def __init__(self, name: str, endpoint: Json) -> None:
        self.name = name
        self.endpoint = endpoint

    @property
    def user_defined(self) -> bool:
        return self.name not in PREDEFINED and not self.name.startswith("container:")


def parse_network(text: str) -> Attachment:
    """Raises ValueError."""
    if "=" not in text:
        return Attachment(text, {})
    name = ""
    endpoint: Json = {}
    for key, value in pairs(text):
        if value is None:
            raise ValueError(f"invalid field {key}: must be a key=value pair")
        value = value.strip()
        match key:
            case "name":
                name = value
            case "alias":
                _append(endpoint, "Aliases", value)
            case "ip":
                _ipam(endpoint)["IPv4Address"] = value
            case "ip6":
                _ipam(endpoint)["IPv6Address"] = value
            case "link-local-ip":
                _append(_ipam(endpoint), "LinkLocalIPs", value)
            case "mac-address":
                endpoint["MacAddress"] = value
            case "gw-priority":
                try:
                    endpoint["GwPriority"] = parse_int(value)
                except ValueError:
                    raise ValueError(
                        f"invalid gw-priority ({value}): parsing {go_quote(value)}: invalid syntax"
                    ) from None
            case "driver-opt":
                option, equals, setting = value.partition("=")
                if not equals:
                    raise ValueError("invalid key value pair format in driver options")
                options = endpoint.setdefault("DriverOpts", {})
                assert isinstance(options, dict)
                options[option.strip().lower()] = setting
            case _:
                raise ValueError(f"invalid field key {key}")
    if not name:
        raise ValueError("network name/id is not specified")
    return Attachment(name, endpoint)


def _ipam(endpoint: Json) -> Json:
    ipam = endpoint.setdefault("IPAMConfig", {})
    assert isinstance(ipam, dict)
    return ipam


def _append(target: Json, name: str, value: str) -> None:
    values = target.setdefault(name, [])
    assert isinstance(values, list)
    values.append(value)


def networking(given: Sequence[Attachment], first: Json) -> tuple[str, dict[str, Json]]:
    """``(NetworkMode, EndpointsConfig)``; ``first`` are the flags (--ip, --network-alias, ...) for the first network.

    Raises UsageError.
    """
    if not given:
        return "default", {"default": first} if first else {}
    if len(given) > 1 and not all(attachment.user_defined for attachment in given):
        names = [attachment.name for attachment in given]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f'network "{name}" is specified multiple times', usage=False)
        raise UsageError(
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes", usage=False
        )
    endpoints: dict[str, Json] = {}
    for place, attachment in enumerate(given):
        if attachment.name in endpoints:
            raise UsageError(f'network "{attachment.name}" is specified multiple times', usage=False)
        endpoints[attachment.name] = _merged(attachment, first) if place == 0 else attachment.endpoint
    return given[0].name, endpoints if any(attachment.user_defined for attachment in given) or first else {}


_CONFLICTS = (("Aliases", "--network-alias", "alias"), ("MacAddress", "--mac-address", "mac-address"))


def _merged(attachment: Attachment, first: Json) -> Json:
    for key, flag, option in _CONFLICTS:
        if key in first and key in attachment.endpoint:
            raise UsageError(f"conflicting options: cannot specify both {flag} and per-network {option}", usage=False)
    if "IPAMConfig" in first and "IPAMConfig" in attachment.endpoint:
        raise UsageError("conflicting options: cannot specify both --ip and per-network IPv4 address", usage=False)
    return {**attachment.endpoint, **first}


def parse_host(text: str) -> str:
    """--add-host: ``name:address`` or ``name=address``; the API takes colons. Raises ValueError."""
    name, separator, address = text.partition("=") if "=" in text else text.partition(":")
    if not separator or not name:
        raise ValueError(f"bad format for add-host: {go_quote(text)}")
    if address == "host-gateway":
        return f"{name}:{address}"
    bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    if not is_address(bare):
        raise ValueError(f"invalid IP address in add-host: {go_quote(address)}")
    return f"{name}:{bare}"


def parse_ip(text: str) -> str:
    if not is_address(text.strip()):
        raise ValueError(f"IP address is not correctly formatted: {text}")
    return text.strip()


def is_address(text: str) -> bool:
    import socket

    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    return False


def parse_dns_search(text: str) -> str:
    if text.strip() == ".":
        return "."
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?", text.strip()):
        raise ValueError(f"{text} is not a valid domain")
    return text.strip()


def parse_link(text: str) -> str:
    """``name[:alias]``. Raises ValueError."""
    if not text:
        raise ValueError("empty string specified for links")
    if text.count(":") > 1:
        raise ValueError(f"bad format for links: {text}")
    return text


def check_mac(text: str) -> str:
    """Raises UsageError."""
    if text and not re.fullmatch(_MAC, text.strip()):
        raise UsageError(f"{text} is not a valid mac address", usage=False)
    return text.strip()
