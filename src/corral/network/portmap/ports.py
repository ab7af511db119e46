"""Ports to publish, as asked for and as they became."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PROTOCOLS", "PortBinding", "PortRequest"]

PROTOCOLS = ("tcp", "udp", "sctp")


@dataclass(frozen=True, slots=True)
class PortRequest:
    """``host_ip`` "" asks for all addresses; ``host_port`` is an inclusive range, None for any free port."""

    proto: str
    container_port: int
    host_ip: str = ""
    host_port: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PortBinding:
    """``host_ip`` is never empty: "0.0.0.0" and "::" stand for all addresses of each kind."""

    proto: str
    container_port: int
    host_ip: str
    host_port: int
