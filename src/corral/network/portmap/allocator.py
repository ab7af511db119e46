"""Host ports: bound first, and held as long as they are published.

A port is held by a socket that is bound to it and listens, so that nobody else can take it, and so that a port which
somebody else has is refused before the container starts. The firewall translates before a packet reaches any socket;
what it cannot translate arrives here and is served by ``proxy``.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from corral.errors import Internal
from corral.network.portmap.ports import PortBinding, PortRequest

__all__ = ["Held", "PortAllocator"]

_EPHEMERAL: Final = "/proc/sys/net/ipv4/ip_local_port_range"
_BACKLOG: Final = 128
_IPPROTO_SCTP: Final = 132
_ANY: Final = ("0.0.0.0", "::")


class Held:
    """Ports that are held until ``close``; the sockets of TCP ports listen."""

    def __init__(self, sockets: dict[PortBinding, socket.socket], taken: _Taken) -> None:
        self.bindings = tuple(sockets)
        self.sockets = sockets
        self._taken = taken
        for binding in sockets:
            taken.add(binding)

    def close(self) -> None:
        """Idempotent."""
        for binding, held in self.sockets.items():
            held.close()
            self._taken.discard(binding)
        self.sockets.clear()


class _Taken:
    """What this engine itself holds, to tell its own containers from other programs in messages."""

    def __init__(self) -> None:
        self._hosts: dict[tuple[str, int], list[str]] = {}

    def add(self, binding: PortBinding) -> None:
        self._hosts.setdefault((binding.proto, binding.host_port), []).append(binding.host_ip)

    def discard(self, binding: PortBinding) -> None:
        key = (binding.proto, binding.host_port)
        hosts = self._hosts.get(key, [])
        if binding.host_ip in hosts:
            hosts.remove(binding.host_ip)
        if not hosts:
            self._hosts.pop(key, None)

    def has(self, proto: str, host_ip: str, port: int) -> bool:
        """Whether it collides with something that is held."""
        same_kind = [host for host in self._hosts.get((proto, port), ()) if (":" in host) == (":" in host_ip)]
        return any(host in (host_ip, *_ANY) or host_ip in _ANY for host in same_kind)


class PortAllocator:
    """``default_ip``: the host address for requests that name none; "" for all, with ``ipv6`` those of IPv6 as well if
    the host has it."""

    def __init__(self, default_ip: str = "", *, ipv6: bool = True) -> None:
        self._default_ip = default_ip
        self._ipv6 = ipv6
        self._taken = _Taken()
        self._cursor = 0

    def hold(self, requests: Sequence[PortRequest], address: str) -> Held:
        """Binds every requested port; ``address``: the container's, for messages.

        Raises Internal with Docker's wording; then none is held.
        """
        with ExitStack() as undo:
            sockets: dict[PortBinding, socket.socket] = {}
            for request in requests:
                for binding, held in self._hold(request, address):
                    undo.callback(held.close)
                    sockets[binding] = held
            undo.pop_all()
        return Held(sockets, self._taken)

    def hold_again(self, bindings: Sequence[PortBinding]) -> tuple[Held, list[str]]:
        """After a daemon's restart. A port that somebody took meanwhile is published all the same: returns warnings."""
        sockets: dict[PortBinding, socket.socket] = {}
        lost = []
        for binding in bindings:
            try:
                sockets[binding] = _bind(binding)
            except OSError as error:
                lost.append(f"cannot hold {binding.host_ip}:{binding.host_port}/{binding.proto}: {error.strerror}")
        return Held(sockets, self._taken), lost

    def _hold(self, request: PortRequest, address: str) -> list[tuple[PortBinding, socket.socket]]:
        """One port on each of the request's host addresses, the same number on all."""
        hosts = self._hosts(request.host_ip)
        failure: OSError | None = None
        for port in self._candidates(request):
            bindings = [PortBinding(request.proto, request.container_port, host, port) for host in hosts]
            with ExitStack() as undo:
                try:
                    held = []
                    for binding in bindings:
                        held.append((binding, _bind(binding)))
                        undo.callback(held[-1][1].close)
                except OSError as error:
                    failure = failure or error
                    if error.errno != errno.EADDRINUSE:
                        break
                    continue
                undo.pop_all()
                return held
        raise self._refusal(request, hosts[0], address, failure)

    def _refusal(self, request: PortRequest, host: str, address: str, failure: OSError | None) -> Internal:
        if request.host_port is None and (failure is None or failure.errno == errno.EADDRINUSE):
            return Internal("all ports are allocated", code="port_in_use")
        first, last = request.host_port or (0, 0)
        port = str(first) if first == last else f"{first}-{last}"
        shown = f"[{host}]" if ":" in host else host
        number = (failure.errno if failure is not None else None) or errno.EADDRINUSE
        if number == errno.EADDRINUSE and self._taken.has(request.proto, host, last):
            return Internal(f"Bind for {shown}:{port} failed: port is already allocated", code="port_in_use")
        what = f"{shown}:{port}:{address}:{request.container_port}/{request.proto}"
        reason = os.strerror(number).lower()
        return Internal(f"failed to bind host port for {what}: {reason}", code="port_in_use")

    def _hosts(self, host_ip: str) -> list[str]:
        host_ip = host_ip or self._default_ip
        if host_ip:
            return [host_ip]
        return ["0.0.0.0", "::"] if self._ipv6 and _has_ipv6() else ["0.0.0.0"]

    def _candidates(self, request: PortRequest) -> Iterator[int]:
        """A given range from its start; otherwise the ephemeral one, from where the last search ended."""
        if request.host_port is not None:
            yield from range(request.host_port[0], request.host_port[1] + 1)
            return
        first, last = _ephemeral_range()
        count = last - first + 1
        for _ in range(count):
            port = first + self._cursor % count
            self._cursor += 1
            yield port


def _bind(binding: PortBinding) -> socket.socket:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in binding.host_ip else socket.AF_INET
    if binding.proto == "udp":
        held = socket.socket(family, socket.SOCK_DGRAM)
    elif binding.proto == "sctp":
        held = socket.socket(family, socket.SOCK_STREAM, _IPPROTO_SCTP)
    else:
        held = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if binding.proto == "tcp":
            # Old connections of the port in TIME_WAIT must not refuse it; since it listens it is ours alone.
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((binding.host_ip, binding.host_port))
        if binding.proto == "tcp":
            held.listen(_BACKLOG)
            held.setblocking(False)
    except BaseException:
        held.close()
        raise
    return held


def _ephemeral_range() -> tuple[int, int]:
    try:
        with open(_EPHEMERAL, encoding="ascii") as file:
            first, last = file.read().split()
        return int(first), int(last)
    except (OSError, ValueError):
        return 32768, 60999


def _has_ipv6() -> bool:
    return os.path.exists("/proc/net/if_inet6") and not _ipv6_disabled()


def _ipv6_disabled() -> bool:
    try:
        with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "rb") as file:
            return file.read().strip() == b"1"
    except OSError:
        return True
