"""Batches, which the kernel applies whole or not at all, and reading what there is."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from corral.linux.netlink.connection import Connection
from corral.linux.netlink.message import Request
from corral.linux.netlink.nftables import objects
from corral.linux.netlink.nftables.objects import (
    CHAIN,
    ELEMENTS,
    NFGENMSG,
    NFNL_SUBSYS_NFTABLES,
    NFT_MSG_GETCHAIN,
    NFT_MSG_GETSETELEM,
    NFT_MSG_GETTABLE,
    TABLE,
)

__all__ = ["chains", "commit", "elements", "tables"]

_NFNL_MSG_BATCH_BEGIN: Final = 16
_NFNL_MSG_BATCH_END: Final = 17
_UNSPECIFIED: Final = 0


def commit(connection: Connection, requests: Sequence[Request]) -> None:
    """All or nothing. Raises OSError for the first one that was refused."""
    if not requests:
        return
    delimiter = objects.header(_UNSPECIFIED, NFNL_SUBSYS_NFTABLES)
    begin = Request(_NFNL_MSG_BATCH_BEGIN, 0, delimiter, "begin nf_tables batch")
    end = Request(_NFNL_MSG_BATCH_END, 0, delimiter, "commit nf_tables batch")
    connection.transact(begin, requests, end)


def tables(connection: Connection) -> list[str]:
    """Names of the ip tables. Raises OSError."""
    request = Request(objects.kind(NFT_MSG_GETTABLE), 0, objects.header(), "list tables")
    found = [TABLE.decode(answer.payload[NFGENMSG.size :]) for answer in connection.dump(request)]
    return [str(entry.get("name", "")) for entry in found]


def chains(connection: Connection, table: str) -> list[str]:
    """Names of a table's chains. Raises OSError."""
    request = Request(objects.kind(NFT_MSG_GETCHAIN), 0, objects.header(), f"list chains of {table}")
    found = [CHAIN.decode(answer.payload[NFGENMSG.size :]) for answer in connection.dump(request)]
    return [str(entry.get("name", "")) for entry in found if entry.get("table") == table]


def elements(connection: Connection, table: str, name: str) -> dict[bytes, bytes | None]:
    """Keys and, of a map to values, its values. Empty when there is no such set. Raises OSError."""
    payload = objects.header() + ELEMENTS.encode({"table": table, "set": name})
    request = Request(objects.kind(NFT_MSG_GETSETELEM), 0, payload, f"list elements of set {name} of table {table}")
    try:
        answers = connection.dump(request)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return {}
        raise
    found: dict[bytes, bytes | None] = {}
    for answer in answers:
        listed = ELEMENTS.decode(answer.payload[NFGENMSG.size :]).get("elements", ())
        assert isinstance(listed, Sequence) and not isinstance(listed, str | bytes)
        found.update(_pair(entry) for entry in _mappings(listed))
    return found


def _mappings(listed: Iterable[object]) -> Iterable[Mapping[str, object]]:
    return (entry for entry in listed if isinstance(entry, Mapping))


def _pair(entry: Mapping[str, object]) -> tuple[bytes, bytes | None]:
    key, value = entry.get("key"), entry.get("data")
    assert isinstance(key, Mapping)
    return key["value"], value.get("value") if isinstance(value, Mapping) else None
