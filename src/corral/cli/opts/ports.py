"""-p and --expose: ``[[ip:][hostPort]:]containerPort[/proto]``, single ports or ranges."""

from __future__ import annotations

from collections.abc import Iterable

from corral.cli.errors import UsageError
from corral.cli.kinds import go_quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    Bindings = dict[str, list[dict[str, str]]]

PROTOCOLS = ("tcp", "udp", "sctp")
_HIGHEST = 65535


def _fail(message: str) -> UsageError:
    return UsageError(message, usage=False)


def port_range(text: str) -> tuple[int, int]:
    """``80`` or ``80-90``. Raises ValueError."""
    first, dash, last = text.partition("-")
    low = _port(first)
    high = _port(last) if dash else low
    if high < low:
        raise ValueError(f"invalid range specified for port: {text}")
    return low, high


def _port(text: str) -> int:
    if not text:
        raise ValueError("empty string specified for ports")
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"strconv.ParseUint: parsing {go_quote(text)}: invalid syntax")
    if int(text) > _HIGHEST:
        raise ValueError(f"strconv.ParseUint: parsing {go_quote(text)}: value out of range")
    return int(text)


def publish(specs: Iterable[str]) -> Bindings:
    """PortBindings of all -p together. Raises UsageError."""
    bindings: Bindings = {}
    for spec in specs:
        for port, binding in _one(spec):
            bindings.setdefault(port, []).append(binding)
    return bindings


def _split(spec: str) -> tuple[str, str, str]:
    """``(address, host port, container port)``; only an IPv6 address may have colons, in brackets."""
    rest, colon, inner = spec.rpartition(":")
    if not colon:
        return "", "", spec
    address, _, outer = rest.rpartition(":") if not rest.endswith("]") else (rest, "", "")
    return address, outer, inner


def _one(spec: str) -> list[tuple[str, dict[str, str]]]:
    if "=" in spec:
        return _long(spec)
    address, outer, inner = _split(spec)
    inner, _, protocol = inner.partition("/")
    protocol = (protocol or "tcp").lower()
    if not inner:
        raise _fail(f"no port specified: {spec}<empty>")
    if protocol not in PROTOCOLS:
        raise _fail(f"invalid proto: {protocol}")
    address = _address(address)
    try:
        first, last = port_range(inner)
    except ValueError:
        raise _fail(f"invalid containerPort: {inner}") from None
    try:
        host_first, host_last = port_range(outer) if outer else (0, 0)
    except ValueError:
        raise _fail(f"invalid hostPort: {outer}") from None
    if outer and last - first != host_last - host_first and last != first:
        raise _fail(f"invalid ranges specified for container and host Ports: {inner} and {outer}")
    found: list[tuple[str, dict[str, str]]] = []
    for number in range(first, last + 1):
        host = "" if not outer else outer if first == last else str(host_first + number - first)
        if host_first == host_last and outer:
            host = str(host_first)
        found.append((f"{number}/{protocol}", {"HostIp": address, "HostPort": host}))
    return found


def _address(text: str) -> str:
    if not text:
        return ""
    import socket

    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, bare.partition("%")[0])
        except OSError:
            continue
        if family == socket.AF_INET6 and bare is text:
            break
        return bare
    raise _fail(f"invalid IP address: {text}")


def _long(spec: str) -> list[tuple[str, dict[str, str]]]:
    """``published=8080,target=80,protocol=tcp,mode=host``."""
    from corral.cli.opts.csv import pairs

    values = {"protocol": "tcp", "published": "", "target": ""}
    for key, value in pairs(spec):
        if value is None:
            raise _fail(f"invalid field: {key}")
        if key not in (*values, "mode"):
            raise _fail(f"invalid field key: {key}")
        values[key] = value.lower()
    if values.get("mode", "host") not in ("host", "ingress"):
        raise _fail(f"invalid publish mode value: {values['mode']}")
    if not values["target"]:
        raise _fail("missing mandatory field 'target'")
    return _one(f"{values['published']}:{values['target']}/{values['protocol']}".removeprefix(":"))


def expose(specs: Iterable[str], published: Bindings) -> dict[str, dict[str, str]]:
    """ExposedPorts: what -p names, and --expose. Raises UsageError."""
    exposed: dict[str, dict[str, str]] = {port: {} for port in published}
    for spec in specs:
        if ":" in spec:
            raise _fail(f"invalid port format for --expose: {spec}")
        number, _, protocol = spec.partition("/")
        try:
            first, last = port_range(number)
        except ValueError as error:
            raise _fail(f"invalid range format for --expose: {spec}, error: {error}") from None
        for port in range(first, last + 1):
            exposed.setdefault(f"{port}/{(protocol or 'tcp').lower()}", {})
    return exposed
