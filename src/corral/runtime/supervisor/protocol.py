"""The messages between drivers and the supervisor, on EXEC-ROOT/supervisor.sock (SEQPACKET, root only).

Every message is one JSON object in one packet, with descriptors if it has any. One that is longer than INLINE travels
in a memfd, the first descriptor of a packet whose payload is ``@``.

================================================  ==================================================================
driver -> supervisor                              answer: ``{"n": 7, "ok": {...}}`` or ``{"n": 7, "error": {...}}``
================================================  ==================================================================
``{"n": 7, "op": "hello", "version": 1}``         ``{"version", "pid", "keeper"}``; events are sent from now on
``create``, ``run``: id, stdio, attachments,
runtime                                           the container's state; the bundle holds config.json, rootfs.json
``start``: id                                     the container's state
``exec``: id, exec, process, stdio,
attachments, privileged                           ``{"pid"}``
``attach``: id, exec, attachment                  ``{}``
``kill``: id, exec, signal, all                   ``{}``
``pause``, ``resume``, ``delete``: id             ``{}``
``resize``: id, exec, height, width               ``{}``
``update``: id, resources                         ``{}``
``pids``: id                                      ``{"pids": [...]}``
``list``                                          ``{"containers": [...]}``
``sandbox``: path, owner, maps                    ``{}`` and two descriptors: namespace, rtnetlink socket
``release``                                       ``{}``; the supervisor ends if it has no containers
================================================  ==================================================================

Requests are pipelined and answered in any order; ``n`` tells which. ``create``, ``run`` and ``exec`` may have
``"again": true``: they were asked of a supervisor that died before it answered, and if it had begun, the same process
is gone on with and answered for. Attachments are objects whose descriptors are those of the packet, in order. An
error has ``kind`` (of ``corral.errors``, or ``start``), ``message`` and for ``start`` ``exit_code``.

Without being asked the supervisor sends ``{"event": "exit", "id", "exec": null, "exit": {"code", "at",
"oomKilled"}}``, ``{"event": "oom", "id", "limit"}``, ``{"event": "replaced", "pid", "keeper"}``, ``{"event":
"detached", "id", "exec"}``, and the messages of ``kept``. An exit of an exec is forgotten once it has been sent to
somebody.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from typing import Any, Final

from corral.errors import CorralError, Internal, Invalid
from corral.linux import fd as descriptors
from corral.oci.codec import Codec, compact
from corral.oci.idmaps import IDMaps
from corral.runtime.driver import (
    Attachment,
    ContainerState,
    ExecState,
    Exit,
    RuntimeBinary,
    StartError,
    Status,
    Stdio,
)

VERSION: Final = 1
INLINE: Final = 32 * 1024
_RECEIVE: Final = 64 * 1024
_LARGEST: Final = 64 * 1024 * 1024
_IN_MEMFD: Final = b"@"

Message = dict[str, Any]
"""A decoded packet: the JSON boundary. Handlers take fields out of it by ``text``, ``number`` and their like."""

_STDIO: Final = Codec.of(Stdio)
_MAPS: Final = Codec.of(IDMaps)
_RUNTIME: Final = Codec.of(RuntimeBinary)


def send(sock: socket.socket, message: Message, fds: Sequence[int] = ()) -> None:
    """Send one message. Raises OSError; BlockingIOError when the socket is full and nothing was sent."""
    payload = compact(message)
    if len(payload) <= INLINE:
        descriptors.send_fds(sock, payload, fds)
        return
    memfd = os.memfd_create("message", os.MFD_CLOEXEC)
    try:
        view = memoryview(payload)
        while view:
            view = view[os.write(memfd, view) :]
        descriptors.send_fds(sock, _IN_MEMFD, [memfd, *fds])
    finally:
        os.close(memfd)


def receive(sock: socket.socket) -> tuple[Message, list[int]] | None:
    """One message and its descriptors, owned by the caller; None at the end of the connection.

    Raises Invalid for what is not a JSON object (nothing is left open), BlockingIOError, other OSError.
    """
    payload, fds = descriptors.recv_fds(sock, _RECEIVE)
    if not payload:
        descriptors.close_all(fds)
        return None
    try:
        if payload == _IN_MEMFD and fds:
            memfd = fds.pop(0)
            try:
                payload = _read_memfd(memfd)
            finally:
                os.close(memfd)
        message = json.loads(payload)
        if not isinstance(message, dict):
            raise Invalid("message is not an object")
    except (ValueError, OSError, RecursionError, Invalid) as error:
        descriptors.close_all(fds)
        raise Invalid(f"malformed message: {error}") from error
    return message, fds


def _read_memfd(memfd: int) -> bytes:
    size = os.fstat(memfd).st_size
    if size > _LARGEST:
        raise Invalid(f"{size} bytes are too many")
    return os.pread(memfd, size, 0)


# Fields of messages


def text(message: Message, name: str) -> str:
    """Raises Invalid when it is missing or not text."""
    value = message.get(name)
    if not isinstance(value, str):
        raise Invalid(f"{name}: text expected")
    return value


def optional_text(message: Message, name: str) -> str | None:
    return None if message.get(name) is None else text(message, name)


def number(message: Message, name: str) -> int:
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Invalid(f"{name}: number expected")
    return value


def flag(message: Message, name: str) -> bool:
    return message.get(name) is True


def mapping(message: Message, name: str) -> Message:
    value = message.get(name)
    if not isinstance(value, dict):
        raise Invalid(f"{name}: object expected")
    return value


# Objects in messages and in the files of the bundle


def encode_stdio(stdio: Stdio) -> Message:
    return _STDIO.encode(stdio)


def decode_stdio(data: Message) -> Stdio:
    try:
        return _STDIO.decode(data)
    except ValueError as error:
        raise Invalid(str(error)) from error


def encode_runtime(runtime: RuntimeBinary) -> Message:
    return _RUNTIME.encode(runtime)


def decode_runtime(data: Message) -> RuntimeBinary:
    try:
        return _RUNTIME.decode(data)
    except ValueError as error:
        raise Invalid(str(error)) from error


def encode_exit(exit: Exit) -> Message:
    return {"code": exit.code, "at": exit.at, "oomKilled": exit.oom_killed}


def decode_exit(data: Message) -> Exit:
    code = None if data.get("code") is None else number(data, "code")
    return Exit(code, number(data, "at"), flag(data, "oomKilled"))


def encode_attachments(attachments: Sequence[Attachment]) -> list[Message]:
    return [
        {
            "stdin": attachment.stdin,
            "stdout": attachment.stdout,
            "stderr": attachment.stderr,
            "detachKeys": attachment.detach_keys.decode("latin-1"),
            "initialInput": attachment.initial_input.decode("latin-1"),
        }
        for attachment in attachments
    ]


def decode_attachments(data: object, fds: Sequence[int]) -> tuple[Attachment, ...]:
    """Raises Invalid when there is not one descriptor for each."""
    if not isinstance(data, list) or len(data) != len(fds) or not all(isinstance(item, dict) for item in data):
        raise Invalid("attachments: an object for each descriptor expected")
    try:
        return tuple(
            Attachment(
                fd,
                flag(item, "stdin"),
                flag(item, "stdout"),
                flag(item, "stderr"),
                text(item, "detachKeys").encode("latin-1"),
                text(item, "initialInput").encode("latin-1"),
            )
            for item, fd in zip(data, fds, strict=True)
        )
    except UnicodeEncodeError as error:
        raise Invalid("attachments: bytes expected") from error


def encode_state(state: ContainerState) -> Message:
    return {
        "id": state.id,
        "pid": state.pid,
        "status": state.status.value,
        "startedAt": state.started_at,
        "exit": None if state.exit is None else encode_exit(state.exit),
        "execs": [_encode_exec(item) for item in state.execs],
    }


def decode_state(data: Message) -> ContainerState:
    exit = data.get("exit")
    return ContainerState(
        text(data, "id"),
        number(data, "pid"),
        Status(data.get("status")),
        number(data, "startedAt"),
        None if exit is None else decode_exit(exit),
        tuple(_decode_exec(item) for item in data.get("execs", ())),
    )


def _encode_exec(state: ExecState) -> Message:
    exit = None if state.exit is None else encode_exit(state.exit)
    return {"exec": state.exec_id, "pid": state.pid, "startedAt": state.started_at, "exit": exit}


def _decode_exec(data: Message) -> ExecState:
    exit = data.get("exit")
    return ExecState(
        text(data, "exec"),
        number(data, "pid"),
        number(data, "startedAt"),
        None if exit is None else decode_exit(exit),
    )


def encode_maps(maps: IDMaps) -> Message:
    return _MAPS.encode(maps)


def decode_maps(data: Message) -> IDMaps:
    """Raises Invalid."""
    try:
        maps = _MAPS.decode(data)
    except ValueError as error:
        raise Invalid(str(error)) from error
    return IDMaps.of(maps.uids, maps.gids)


# Errors


def encode_error(error: BaseException) -> Message:
    if isinstance(error, StartError):
        return {"kind": error.kind, "message": error.message, "exit_code": error.exit_code, "early": error.early}
    if isinstance(error, CorralError):
        return {"kind": error.kind, "message": error.message}
    return {"kind": Internal.kind, "message": f"{type(error).__name__}: {error}"}


def decode_error(data: Message) -> CorralError:
    kind, message = str(data.get("kind")), str(data.get("message"))
    if kind == StartError.kind:
        return StartError(message, int(data.get("exit_code", 125)), early=bool(data.get("early")))
    kinds = {known.kind: known for known in CorralError.__subclasses__()}
    return kinds.get(kind, Internal)(message)
