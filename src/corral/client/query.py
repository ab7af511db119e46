"""Query strings of the API: booleans as 1, filters as a JSON object, everything percent-encoded.

``urllib.parse`` costs 4 ms of imports; the API's paths and queries need the unreserved set of RFC 3986, no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

TYPE_CHECKING = False
if TYPE_CHECKING:
    Value = str | int | bool | None | Iterable[str]
    Filters = Mapping[str, Iterable[str]]


def quote(text: str, safe: bytes = b"") -> str:
    """``text`` percent-encoded, also its slashes unless ``safe`` has them."""
    return "".join(
        chr(byte) if byte in _PLAIN or byte in safe else f"%{byte:02X}"
        for byte in text.encode("utf-8", "surrogateescape")
    )


def query(**values: Value) -> str:
    """``?a=1&b=x`` or nothing; None, False and "" are left out, True is 1, a list repeats its name."""
    pairs: list[str] = []
    for name, value in values.items():
        if value is None or value is False or value == "":
            continue
        if value is True:
            pairs.append(f"{name}=1")
        elif isinstance(value, (str, int)):
            pairs.append(f"{name}={quote(str(value))}")
        else:
            pairs += [f"{name}={quote(item)}" for item in value]
    return "?" + "&".join(pairs) if pairs else ""


def filters(given: Filters | None) -> str | None:
    """Docker's ``filters`` parameter: ``{"label": {"a=b": true}}``, which every API version since 1.24 understands."""
    if not given:
        return None
    return json.dumps({name: dict.fromkeys(values, True) for name, values in given.items()}, separators=(",", ":"))
