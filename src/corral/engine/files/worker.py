"""The worker: one look at a container's files, or one copy, then gone. Forked by `corral.archive.nursery`.

Everything is imported before the container is looked at. On descriptor 3 it answers as `corral.archive.worker` does;
what is copied out goes to descriptor 1 after ``{"stat": ...}`` was said, what is copied in comes from descriptor 0.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import Any, Final

from corral.archive.apply import Applier, Whiteouts
from corral.archive.compression import CHUNK, decompress
from corral.archive.descriptors import raise_descriptor_limit
from corral.archive.limits import Limits, Meter
from corral.archive.member import Members
from corral.archive.reader import TarReader
from corral.archive.stream import ByteStream
from corral.archive.walk import Node, walk
from corral.archive.worker import ahead, fail, say
from corral.archive.writer import END
from corral.engine.files import paths
from corral.engine.files.pathstat import path_stat
from corral.engine.files.view import open_view
from corral.errors import CorralError, Internal, Invalid
from corral.oci.runtime import Process, User
from corral.runtime.init.failure import SetupError
from corral.runtime.init.inside import Root
from corral.runtime.init.user import identify

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY


def main(request: dict[str, Any]) -> None:
    raise_descriptor_limit()
    try:
        root = open_view(request["view"], request["fds"])
        say({"result": _OPERATIONS[request["operation"]](root, request)})
    except (CorralError, OSError) as error:
        fail(error)
    except SetupError as error:
        fail(Internal(str(error)))


def _stat(root: Root, request: dict[str, Any]) -> dict[str, Any]:
    path = paths.cleaned(request["path"])
    fd = paths.look(root, path)
    try:
        return _told(root, path, fd)
    finally:
        os.close(fd)


def _told(root: Root, path: str, fd: int) -> dict[str, Any]:
    info = os.fstat(fd)
    target = paths.destination(root, path) if stat.S_ISLNK(info.st_mode) else ""
    return path_stat(paths.base(path), info, target)


def _get(root: Root, request: dict[str, Any]) -> dict[str, Any]:
    path = paths.cleaned(request["path"])
    fd = paths.look(root, path)
    told = _told(root, path, fd)
    say({"stat": told})
    info = os.fstat(fd)
    name = os.fsencode(told["name"])
    _send(_directory(fd, name) if stat.S_ISDIR(info.st_mode) else _one(Node(name, fd, info)))
    return {}


def _export(root: Root, _request: dict[str, Any]) -> dict[str, Any]:
    members = Members()
    top = root.open(".", _DIRECTORY)

    def pieces() -> Iterator[bytes]:
        for node in walk(top):
            if node.path:
                yield from members.of(node)
        yield END

    _send(pieces())
    return {}


def _directory(fd: int, name: bytes) -> Iterator[bytes]:
    """Everything below, under the name that was asked for."""
    members = Members()
    top = os.open(b"/proc/self/fd/%d" % fd, _DIRECTORY | os.O_CLOEXEC)
    prefix = name if name.endswith(b"/") else name + b"/"
    try:
        for node in walk(top):
            yield from members.of(node, prefix + node.path if node.path else name)
    finally:
        os.close(top)
    yield END


def _one(node: Node) -> Iterator[bytes]:
    yield from Members().of(node)
    yield END


def _send(pieces: Iterator[bytes]) -> None:
    with open(1, "wb", buffering=CHUNK) as target:
        for piece in pieces:
            target.write(piece)


def _put(root: Root, request: dict[str, Any]) -> dict[str, Any]:
    path = paths.cleaned(request["path"])
    fd = paths.enter(root, path)
    if not stat.S_ISDIR(os.fstat(fd).st_mode):
        raise Invalid("extraction point is not a directory")
    place = paths.where(root, fd)
    _refuse_read_only(place, request["mounted"], request["read_only_root"])
    top = os.open(b"/proc/self/fd/%d" % fd, _DIRECTORY | os.O_CLOEXEC)
    limits = Limits(**request["limits"])
    meter = Meter(limits, top)
    source = decompress(lambda size: os.read(0, size), meter)
    applier = Applier(
        top,
        Whiteouts.KEEP,
        limits.max_entries,
        strict=place if request["strict"] else None,
        owner=_owner(root, request["user"]),
    )
    applier.run(TarReader(ByteStream(ahead(_metered(source, meter))), limits.max_special))
    return {}


def _owner(root: Root, user: str) -> tuple[int, int] | None:
    """Raises SetupError for somebody whom the container does not know."""
    if not user:
        return None
    identity = identify(root, Process(user=User(username=user)))
    return identity.uid, identity.gid


def _metered(source: Iterator[bytes], meter: Meter) -> Iterator[bytes]:
    for piece in source:
        meter.add(len(piece))
        yield piece


def _refuse_read_only(place: str, mounted: list[tuple[str, bool]], read_only_root: bool) -> None:
    """Raises Invalid as Docker does; ``mounted``: destinations of the container's mounts and whether to be written."""
    for destination, writable in mounted:
        if place == destination or place.startswith(destination.rstrip("/") + "/"):
            if not writable:
                raise Invalid("mounted volume is marked read-only")
            return
    if read_only_root:
        raise Invalid("container rootfs is marked read-only")


_OPERATIONS: Final[dict[str, Callable[[Root, dict[str, Any]], dict[str, Any]]]] = {
    "export": _export,
    "get": _get,
    "put": _put,
    "stat": _stat,
}
