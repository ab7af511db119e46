"""The options of a bridge network, parsed once from Docker's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from corral.errors import Invalid

__all__ = ["BridgeOptions"]

_PREFIX = "com.docker.network."
NAME = f"{_PREFIX}bridge.name"
ICC = f"{_PREFIX}bridge.enable_icc"
MASQUERADE = f"{_PREFIX}bridge.enable_ip_masquerade"
HOST_BINDING = f"{_PREFIX}bridge.host_binding_ipv4"
DEFAULT = f"{_PREFIX}bridge.default_bridge"
MTU = f"{_PREFIX}driver.mtu"

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


@dataclass(frozen=True, slots=True)
class BridgeOptions:
    """``interface`` "": named after the network's id. ``host_binding``: for published ports that name no address."""

    interface: str = ""
    icc: bool = True
    masquerade: bool = True
    host_binding: str = ""
    default: bool = False
    mtu: int = 0

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> BridgeOptions:
        """Names that are not of this driver are ignored. Raises Invalid."""
        return cls(
            interface=options.get(NAME, ""),
            icc=_boolean(options, ICC, True),
            masquerade=_boolean(options, MASQUERADE, True),
            host_binding=options.get(HOST_BINDING, ""),
            default=_boolean(options, DEFAULT, False),
            mtu=_mtu(options.get(MTU, "")),
        )

    def encode(self) -> dict[str, str]:
        """The map that ``network inspect`` shows."""
        return {
            DEFAULT: _word(self.default),
            ICC: _word(self.icc),
            MASQUERADE: _word(self.masquerade),
            HOST_BINDING: self.host_binding or "0.0.0.0",
            NAME: self.interface,
            MTU: str(self.mtu or 1500),
        }


def _word(value: bool) -> str:
    return "true" if value else "false"


def _boolean(options: Mapping[str, str], name: str, default: bool) -> bool:
    value = options.get(name)
    if value is None:
        return default
    if value in _TRUE or value in _FALSE:
        return value in _TRUE
    raise Invalid(f'invalid value for {name}: "{value}" is not a boolean')


def _mtu(text: str) -> int:
    try:
        mtu = int(text or "0")
    except ValueError:
        mtu = -1
    if mtu < 0:
        raise Invalid(f'invalid value for {MTU}: "{text}"')
    return mtu
