"""The compiled modules that commands import, in one file: to find them one by one is a third of what importing takes.

The file is in ``__pycache__`` beside this one, as Python's own are, and has modules of corral's by name, so that it is
known without a search where a source is. One look at the source says whether its code is current, by time and size, as
Python looks at it. A module that is not in the file, or is not current, is imported as ever, and added when the command
is done. Like Python's own files this one is believed because who may write it may write the sources as well: it
belongs to their owner, to root or to us, and nobody else may write to it. ::

    magic number of the interpreter's code, 4 bytes | length of the index, 4 bytes
    index, marshalled: {name: (modified, size, is a package, offset, length)} | marshalled code, one after the other

It is replaced as a whole. Of two commands that add to it at the same time one has done it for nothing.
"""

from __future__ import annotations

import marshal
import os
import sys

from corral.runtime.command import slim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Entry = tuple[int, int, bool, int, int]

__all__ = ["Store", "install"]

_OURS = "corral."
_HERE = os.path.dirname(__file__)
_ROOT = _HERE.removesuffix("/runtime/command")
_MAGIC: bytes = sys.modules["_frozen_importlib_external"].MAGIC_NUMBER
_HEADER = len(_MAGIC) + 4
_OF_OTHERS = 0o022
_DAMAGED = (ValueError, EOFError, TypeError)


class Store:
    """One of ``sys.meta_path``, and the loader of what it finds."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._code = memoryview(b"")
        self._index: dict[str, Entry] = {}
        self._missing: list[str] = []
        self._open()

    def _open(self) -> None:
        """Empty when there is none to be believed. Nothing stays open: numbers may be meant for the container."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return
        try:
            status = os.fstat(file)
            if status.st_uid not in (0, os.geteuid(), os.stat(__file__).st_uid) or status.st_mode & _OF_OTHERS:
                return
            content = memoryview(os.read(file, status.st_size))
            if content[: len(_MAGIC)] == _MAGIC:
                begin = _HEADER + int.from_bytes(content[len(_MAGIC) : _HEADER], "little")
                self._index = marshal.loads(content[_HEADER:begin])  # noqa: S302 -- ours, see above
                self._code = content[begin:]
        except (OSError, *_DAMAGED):
            return
        finally:
            os.close(file)

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        place = _place(name)
        if place is None:
            return None
        entry = self._index.get(place)
        if entry is None or _look(_source(place, entry[2])) != entry[:2]:
            self._missing.append(name)
            return None
        path = _source(place, entry[2])
        spec = type(__spec__)(name, self, origin=path, is_package=entry[2])  # type: ignore[arg-type]
        spec.has_location = True
        spec.cached = ""  # or it would be worked out
        if entry[2]:
            spec.submodule_search_locations = [os.path.dirname(path)]
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        _, _, _, offset, length = self._index[_place(name) or ""]
        try:
            code = marshal.loads(self._code[offset : offset + length])  # noqa: S302 -- ours
        except _DAMAGED:  # by a file system that was not shut down
            self._missing.append(name)
            assert module.__file__ is not None
            code = sys.modules["_frozen_importlib_external"].SourceFileLoader(name, module.__file__).get_code(name)
        exec(code, module.__dict__)  # noqa: S102

    def keep(self) -> None:
        """Add what was missing, if that can be. To be called when the command is done."""
        if not self._missing or sys.dont_write_bytecode:
            return
        temporary = f"{self.path}.{os.getpid()}"
        try:
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except OSError:
            return
        try:
            os.write(file, self._content())
            os.rename(temporary, self.path)
        except (OSError, *_DAMAGED):
            os.unlink(temporary)
        finally:
            os.close(file)

    def _content(self) -> bytes:
        parts = {
            place: (entry[:3], bytes(self._code[entry[3] : entry[3] + entry[4]]))
            for place, entry in self._index.items()
            if _look(_source(place, entry[2])) == entry[:2]
        }
        for name in self._missing:
            module, place = sys.modules.get(name), _place(name)
            spec = module and module.__spec__
            if spec is None or place is None or spec.loader is None:
                continue
            is_package = spec.submodule_search_locations is not None
            source = _source(place, is_package)
            seen = _look(source)  # before it is read
            if seen is not None and spec.origin == source:
                loader = sys.modules["_frozen_importlib_external"].SourceFileLoader(name, source)
                parts[place] = ((*seen, is_package), marshal.dumps(loader.get_code(name)))
        index: dict[str, Entry] = {}
        offset = 0
        for place, (about, code) in parts.items():
            index[place] = (*about, offset, len(code))
            offset += len(code)
        head = marshal.dumps(index)
        return b"".join((_MAGIC, len(head).to_bytes(4, "little"), head, *(code for _, code in parts.values())))


def install() -> Store:
    """First of all finders, ``slim``'s among them."""
    of = f"{sys.implementation.cache_tag}.opt-{sys.flags.optimize}"
    store = Store(f"{_HERE}/__pycache__/corral-oci.{of}.modules")
    sys.meta_path.insert(0, store)
    return store


def _place(name: str) -> str | None:
    """The name by which it is kept: of a stand-in its own one."""
    if name.startswith(_OURS):
        return name
    return f"{slim.__name__}.{name}" if slim.stands_in(name) else None


def _source(place: str, is_package: bool) -> str:
    path = f"{_ROOT}/{place[len(_OURS) :].replace('.', '/')}"
    return f"{path}/__init__.py" if is_package else f"{path}.py"


def _look(path: str) -> tuple[int, int] | None:
    """When it was modified, in nanoseconds, and its size; None when it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
