"""The worker process: one archive operation, then gone. Started by ``jobs``, never imported by the daemon.

The request is its argument; descriptor 0 is where an archive or a plan comes in, 1 where an archive goes out. On
descriptor 3 it says one JSON object a line: ``{"progress": N}`` now and then, last ``{"result": ...}`` or
``{"error": KIND, "message": TEXT}``.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from corral.archive.apply import Applier, Reader, Whiteouts
from corral.archive.compression import CHUNK, decompress, detect
from corral.archive.descriptors import raise_descriptor_limit
from corral.archive.limits import Limits, Meter
from corral.archive.reader import TarReader
from corral.archive.recipe import RecipeWriter
from corral.archive.stream import ByteStream
from corral.errors import CorralError, Internal
from corral.linux.sync import syncfs

_MESSAGES: Final = 3
_AHEAD: Final = 16
_REPORT_EVERY: Final = 1 << 20


def main(request: dict[str, Any]) -> None:
    raise_descriptor_limit()
    try:
        say({"result": _OPERATIONS[request["operation"]](request)})
    except (CorralError, OSError) as error:
        fail(error)


def fail(error: CorralError | OSError) -> NoReturn:
    """The last word of a worker that could not do it."""
    if isinstance(error, CorralError):
        say({"error": error.kind, "message": error.message})
    else:
        say({"error": Internal.kind, "message": f"{os.fsdecode(error.filename or 'archive')}: {error.strerror}"})
    sys.exit(1)


def say(message: dict[str, Any]) -> None:
    """One message to the daemon."""
    try:
        os.write(_MESSAGES, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        sys.exit(1)  # nobody is there any more


def _apply(request: dict[str, Any]) -> dict[str, Any]:
    limits = Limits(**request["limits"])
    root = os.fsencode(request["root"])
    root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    intake = _Intake(Meter(limits, root_fd))
    reader = TarReader(ByteStream(ahead(intake.plain())), limits.max_special)
    result = _unpack(request, reader, limits, root_fd)
    return intake.summary() | result


def _unpack(request: dict[str, Any], reader: Reader, limits: Limits, root_fd: int) -> dict[str, Any]:
    recipe = RecipeWriter(request["recipe"]) if request["recipe"] else None
    applier = Applier(
        os.fsencode(request["root"]),
        Whiteouts(request["whiteouts"]),
        limits.max_entries,
        recipe,
        os.fsencode(request["aside"]) or None,
        specials=request["specials"],
        eager=request["durable"],
    )
    applier.run(reader)
    if recipe is not None:
        recipe.close()
    if request["durable"]:
        syncfs(root_fd)
    return {
        "size": applier.size,
        "entries": applier.entries,
        "root_given": applier.root_given,
        "warnings": applier.warnings[:20],
    }


def _pack(request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    from corral.archive.pack import Member, pack

    with open(0, "rb") as source, open(1, "wb", buffering=CHUNK) as target:
        pack([Member(**member) for member in json.load(source)], target.write)
    return {}


def _diff(request: dict[str, Any]) -> dict[str, Any]:
    from corral.archive.diff import diff

    pieces = diff(
        request["changed"], request["base"], root_given=request["root_changed"], owners=_owners(request["owners"])
    )
    with open(1, "wb", buffering=CHUNK) as target:
        for piece in pieces:
            target.write(piece)
    return {}


def _owners(given: list[Any] | None) -> Any:
    from corral.archive.owners import Owners

    return Owners(*given) if given else None


def _capture(request: dict[str, Any]) -> dict[str, Any]:
    """The changes of one tree become a layer at once: the tar between them exists only for its digest and recipe."""
    from corral.archive.diff import items
    from corral.archive.treereader import TreeReader

    root_fd = os.open(os.fsencode(request["root"]), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    limits = Limits(**request["limits"])
    meter = Meter(limits, root_fd)
    found = items(
        request["changed"], request["base"], root_given=request["root_changed"], owners=_owners(request["owners"])
    )
    reader = TreeReader(found, meter.add)
    result = _unpack(request, reader, limits, root_fd)
    digest = reader.digest
    return result | {
        "digest": digest,
        "tar_size": meter.unpacked,
        "compressed_digest": digest,
        "compressed_size": meter.unpacked,
        "compression": "none",
    }


def _list_changes(request: dict[str, Any]) -> dict[str, Any]:
    """Lines of one JSON list each: kind and path."""
    from corral.archive.changes import changes

    sys.setrecursionlimit(1_000_000)  # as deep as a container nests directories
    found = changes(request["root"], request["below"], whole=request["whole"])
    with open(1, "w", buffering=CHUNK, encoding="utf-8") as target:
        json.dump([(change.kind, change.path.decode("utf-8", "replace")) for change in found], target)
    return {}


def _compress(request: dict[str, Any]) -> dict[str, Any]:
    """A layer's tar, made again from its recipe, as gzip on descriptor 1."""
    from corral.archive.gzipped import compressed
    from corral.archive.recipe import assemble

    plain, packed = hashlib.sha256(), hashlib.sha256()
    sizes = [0, 0]
    reported = 0

    def content() -> Iterator[bytes]:
        for piece in assemble(request["recipe"], request["root"], request["aside"]):
            plain.update(piece)
            sizes[0] += len(piece)
            yield piece

    with open(1, "wb", buffering=CHUNK, closefd=False) as target:
        for piece in compressed(content()):
            packed.update(piece)
            sizes[1] += len(piece)
            target.write(piece)
            if sizes[0] - reported >= _REPORT_EVERY:
                reported = sizes[0]
                say({"progress": reported})
    if f"sha256:{plain.hexdigest()}" != request["digest"]:
        raise Internal(f"layer {request['digest']} was changed on disk in {request['root']}")
    return {"digest": f"sha256:{packed.hexdigest()}", "size": sizes[1]}


class _Intake:
    """Standard input, decompressed and digested on the way."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._plain = hashlib.sha256()
        self._raw = hashlib.sha256()
        self._head = b""
        self._reported = 0

    def _read(self, size: int) -> bytes:
        piece = os.read(0, size)
        if len(self._head) < 16:
            self._head += piece[:16]
        if detect(self._head).value != "none":
            self._raw.update(piece)
        if self._meter.compressed - self._reported >= _REPORT_EVERY:
            self._reported = self._meter.compressed
            say({"progress": self._reported})
        return piece

    def plain(self) -> Iterator[bytes]:
        for piece in decompress(self._read, self._meter):
            self._plain.update(piece)
            self._meter.add(len(piece))
            yield piece

    def summary(self) -> dict[str, Any]:
        compression = detect(self._head).value
        plain = f"sha256:{self._plain.hexdigest()}"
        return {
            "digest": plain,
            "tar_size": self._meter.unpacked,
            "compressed_digest": plain if compression == "none" else f"sha256:{self._raw.hexdigest()}",
            "compressed_size": self._meter.compressed,
            "compression": compression,
        }


def ahead(source: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, made by a thread that runs ahead: inflating and hashing release the interpreter lock."""
    pieces: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)

    def produce() -> None:
        try:
            for piece in source:
                pieces.put(piece)
        except BaseException as error:  # raised again where it is read
            pieces.put(error)
        else:
            pieces.put(None)

    threading.Thread(target=produce, daemon=True).start()
    while (piece := pieces.get()) is not None:
        if isinstance(piece, BaseException):
            raise piece
        yield piece


_OPERATIONS: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "apply": _apply,
    "capture": _capture,
    "changes": _list_changes,
    "compress": _compress,
    "pack": _pack,
    "diff": _diff,
}
