"""Netlink messages: the common header, requests as values, and what the kernel answers.

::

    struct nlmsghdr {        /* <linux/netlink.h> */
        __u32 nlmsg_len;     /* header included */
        __u16 nlmsg_type;
        __u16 nlmsg_flags;
        __u32 nlmsg_seq;
        __u32 nlmsg_pid;
    };
    struct nlmsgerr {        /* payload of NLMSG_ERROR: an acknowledgement when error is 0 */
        int error;           /* negative errno */
        struct nlmsghdr msg; /* the request's header; its payload follows unless NLM_F_CAPPED */
    };                       /* with NLM_F_ACK_TLVS attributes follow: NLMSGERR_ATTR_MSG is text for humans */
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from corral.linux.netlink.attributes import split

__all__ = ["Answer", "Request", "answers", "encode", "explain", "failure_of"]

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3

NLM_F_REQUEST: Final = 0x1
NLM_F_MULTI: Final = 0x2
NLM_F_ACK: Final = 0x4
NLM_F_DUMP_INTR: Final = 0x10
NLM_F_DUMP: Final = 0x300
NLM_F_REPLACE: Final = 0x100
NLM_F_EXCL: Final = 0x200
NLM_F_CREATE: Final = 0x400
NLM_F_APPEND: Final = 0x800
NLM_F_CAPPED: Final = 0x100
NLM_F_ACK_TLVS: Final = 0x200

_NLMSGERR_ATTR_MSG: Final = 1
_NLMSGHDR: Final = struct.Struct("=IHHII")
_ERROR: Final = struct.Struct("=i")


@dataclass(frozen=True, slots=True)
class Request:
    """``payload``: the family's header and attributes; ``what`` is what an error says was attempted."""

    type: int
    flags: int
    payload: bytes
    what: str


@dataclass(frozen=True, slots=True)
class Answer:
    type: int
    flags: int
    sequence: int
    payload: bytes


def encode(request: Request, sequence: int, flags: int = 0) -> bytes:
    """The message of ``request``, padded to the alignment that a batch needs."""
    payload = request.payload
    all_flags = request.flags | flags | NLM_F_REQUEST
    header = _NLMSGHDR.pack(len(payload) + 16, request.type, all_flags, sequence, 0)
    return header + payload + b"\0" * (-len(payload) & 3)


def answers(data: bytes) -> Iterator[Answer]:
    """The messages in one datagram."""
    offset = 0
    while offset + 16 <= len(data):
        size, kind, flags, sequence, _ = _NLMSGHDR.unpack_from(data, offset)
        if size < 16:
            return
        yield Answer(kind, flags, sequence, data[offset + 16 : offset + size])
        offset += size + 3 & ~3


def failure_of(answer: Answer) -> int:
    """The errno in an NLMSG_ERROR or NLMSG_DONE; 0 for success."""
    return -int(_ERROR.unpack_from(answer.payload)[0]) if len(answer.payload) >= 4 else 0


def explain(answer: Answer, what: str) -> OSError:
    """The exception for a failed request: errno, what was attempted and the kernel's own explanation if it has one."""
    number = failure_of(answer)
    text = f"{what}: {os.strerror(number)}"
    if answer.flags & NLM_F_ACK_TLVS:
        skip = 4  # of NLMSG_DONE the attributes follow the error itself
        if answer.type == NLMSG_ERROR:
            request_size: int = _NLMSGHDR.unpack_from(answer.payload, 4)[0]
            skip += 16 if answer.flags & NLM_F_CAPPED else request_size + 3 & ~3
        for attribute, payload in split(answer.payload[skip:]):
            if attribute == _NLMSGERR_ATTR_MSG:
                text += f" ({payload.rstrip(bytes(1)).decode(errors='replace')})"
    return OSError(number, text)
