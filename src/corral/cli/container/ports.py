"""The PORTS column: neighbouring ports that are published under their own numbers share one entry."""

from __future__ import annotations

from collections.abc import Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import Port


def display(ports: Iterable[Port]) -> str:
    """``0.0.0.0:80-81->80-81/tcp, 443/tcp``."""
    ordered = sorted(
        ports,
        key=lambda port: (
            port.get("PrivatePort", 0),
            port.get("IP", ""),
            port.get("PublicPort", 0),
            port.get("Type", ""),
        ),
    )
    shown: list[str] = []
    mapped: list[str] = []
    runs: dict[tuple[str, str], tuple[int, int]] = {}
    for port in ordered:
        inner, address, protocol = port.get("PrivatePort", 0), port.get("IP", ""), port.get("Type", "")
        outer = port.get("PublicPort", 0)
        if address and outer != inner:
            mapped.append(f"{host(address)}:{outer}->{inner}/{protocol}")
            continue
        key = (address, protocol)
        first, last = runs.get(key, (inner, inner - 1))
        if inner == last + 1:
            runs[key] = (first, inner)
        elif inner != last:
            shown.append(_run(key, first, last))
            runs[key] = (inner, inner)
    shown += [_run(key, first, last) for key, (first, last) in runs.items()]
    return ", ".join(shown + mapped)


def host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _run(key: tuple[str, str], first: int, last: int) -> str:
    address, protocol = key
    span = f"{first}" if first == last else f"{first}-{last}"
    return f"{host(address)}:{span}->{span}/{protocol}" if address else f"{span}/{protocol}"
