"""Bytes on the wire, worked out from the kernel's headers, and the way back."""

from __future__ import annotations

import ipaddress
import struct

import pytest

from corral.linux.netlink import address, link, message, neighbour, route
from corral.linux.netlink.attributes import BINARY, STRING, U32, Attributes, Listing, split
from corral.linux.netlink.link import VethEnd
from corral.linux.netlink.message import Answer, Request
from corral.linux.netlink.nftables import expressions as x
from corral.linux.netlink.nftables import objects as o


def _hex(text: str) -> bytes:
    return bytes.fromhex(text.replace(" ", "").replace("\n", ""))


@pytest.fixture(autouse=True)
def little_endian() -> None:
    if struct.pack("=H", 1) != b"\1\0":
        pytest.skip("the expected bytes are those of a little-endian machine")


def test_attributes_are_padded_nested_and_read_back() -> None:
    inner = Attributes(number=(1, U32), name=(2, STRING))
    table = Attributes(raw=(1, BINARY), inner=(2, inner), many=(3, Listing(1, inner)))
    value = {"raw": b"abc", "inner": {"number": 7, "name": "x"}, "many": [{"number": 1}, {"name": "yy"}]}
    data = table.encode(value)
    assert data == _hex(
        "0700 0100 616263 00"
        "1400 0280  0800 0100 07000000  0600 0200 7800 0000"
        "1c00 0380  0c00 0180 0800 0100 01000000  0c00 0180 0700 0200 797900 00"
    )
    assert table.decode(data) == value
    assert table.decode(data + _hex("0500 6300 01 000000")) == value


def test_broken_attributes_end_the_reading() -> None:
    assert list(split(b"\x02\0\1\0")) == []
    assert list(split(b"\x08\0\1\0\1\2\3\4\xff")) == [(1, b"\1\2\3\4")]


def test_a_message_has_its_header_and_its_padding() -> None:
    request = Request(16, message.NLM_F_CREATE, b"abcde", "test")
    assert message.encode(request, 9, message.NLM_F_ACK) == _hex(
        "15000000 1000 0504 09000000 00000000 6162636465 000000"
    )


def test_a_veth_pair_is_one_message() -> None:
    outer = VethEnd("veth1234567", master=5, up=True)
    inner = VethEnd("eth0", mac=b"\x02\x42\xac\x11\0\2", netns_fd=9)
    request = link.add_veth(outer, inner, mtu=1400)
    assert (request.type, request.flags) == (16, 0x600)
    assert request.payload == _hex(
        "0000 0000 00000000 01000000 01000000"  # ifinfomsg: up
        "1000 0300 7665746831323334353637 00"  # ifname
        "0800 0400 78050000"  # mtu
        "0800 0a00 05000000"  # master
        "5000 1280"  # linkinfo
        "0900 0100 76657468 00 000000"  # kind
        "4000 0200"  # data
        "3c00 0100"  # VETH_INFO_PEER
        "0000 0000 00000000 00000000 00000000"
        "0900 0300 65746830 00 000000"
        "0a00 0100 0242ac110002 0000"
        "0800 0400 78050000"
        "0800 1c00 09000000"  # net_ns_fd
    )


def test_addresses_routes_and_neighbours() -> None:
    assert address.add(2, ipaddress.ip_interface("172.17.0.2/16")).payload == _hex(
        "02 10 00 00 02000000 0800 0200 ac110002 0800 0100 ac110002 0800 0400 ac11ffff"
    )
    gateway = ipaddress.ip_address("172.17.0.1")
    assert route.add(ipaddress.ip_network("0.0.0.0/0"), gateway=gateway, index=2).payload == _hex(
        "02 00 00 00 fe 03 00 01 00000000 0800 0500 ac110001 0800 0400 02000000"
    )
    assert route.add(ipaddress.ip_network("10.0.0.0/8"), index=2).payload == _hex(
        "02 08 00 00 fe 03 fd 01 00000000 0800 0100 0a000000 0800 0400 02000000"
    )
    assert neighbour.add_forwarding(7, b"\x02\x42\xac\x11\0\2").payload == _hex(
        "07 000000 07000000 0200 04 00 0a00 0200 0242ac110002 0000"
    )


def test_a_refusal_says_what_was_attempted_and_why() -> None:
    payload = _hex("ef ff ff ff 20000000 1000 0506 01000000 00000000")  # -EEXIST, capped request
    text = Attributes(message=(1, STRING)).encode({"message": "name taken"})
    flags = message.NLM_F_CAPPED | message.NLM_F_ACK_TLVS
    error = message.explain(Answer(message.NLMSG_ERROR, flags, 1, payload + text), "add bridge br0")
    assert isinstance(error, FileExistsError)
    assert error.strerror == "add bridge br0: File exists (name taken)"


def test_a_rule_is_a_list_of_expressions() -> None:
    request = o.add_rule("t", "c", x.meta("oifname"), x.cmp(b"br0".ljust(16, b"\0"), equal=False), x.masquerade())
    assert (request.type, request.flags) == (0x0A06, 0xC00)
    assert request.payload == _hex(
        "02 00 0000"
        "0600 0100 7400 0000"
        "0600 0200 6300 0000"
        "7400 0480"
        "2400 0180 0900 0100 6d657461 00 000000 1400 0200 0800 0100 00000008 0800 0200 00000007"
        "3800 0180 0800 0100 636d7000 2c00 0200 0800 0100 00000008 0800 0200 00000001"
        "  1800 0380 1400 0100 62723000 00000000 00000000 00000000"
        "1400 0180 0900 0100 6d617371 00 000000 0400 0200"
    )
    table = o.RULE.decode(request.payload[4:])
    assert [entry["name"] for entry in table["expressions"]] == ["meta", "cmp", "masq"]  # type: ignore[union-attr,index,call-overload]


def test_elements_of_a_concatenated_map() -> None:
    key = b"\x06\0\0\0\x1f\x90\0\0"
    value = b"\xac\x11\0\2\0\x50\0\0"
    request = o.add_elements("t", "m", [o.Element(key, value)], exclusive=True)
    assert (request.type, request.flags) == (0x0A0C, 0x600)
    assert request.payload == _hex(
        "02 00 0000"
        "0600 0100 7400 0000"
        "0600 0200 6d00 0000"
        "2800 0380 2400 0180"
        "1000 0180 0c00 0100 060000001f900000"
        "1000 0280 0c00 0100 ac11000200500000"
    )


def test_types_of_concatenations_are_numbered_as_nft_numbers_them() -> None:
    key = o.IPV4_ADDR + o.INET_PROTO + o.INET_SERVICE
    assert (key.number, key.size) == (((7 << 6) | 12) << 6 | 13, 12)
