"""Stand-ins for those modules of the standard library that take longer to import than most commands take altogether.

They are found in place of the standard ones once ``install`` was called, which only ``main`` does: a supervisor pays
once for what a command pays each time. Each has what the modules on the way of ``run``, ``exec`` and ``state`` use,
from the same parts in C that the standard one is built on. A name that it has not brings the standard module in, for
good, so that what is rare works as ever. Milliseconds of processor time that importing takes, the standard one with
all that it needs and nothing else has imported yet, and the stand-in (Python 3.11, the machine of bench/RESULTS.md):

=============  ======  ===
dataclasses    14.4    0.6
typing          9.1    0.2
json            6.8    0.2
socket          7.2    0.2
signal          4.0    0.1
functools       2.8    0.1
ctypes          2.7    0.3
collections     2.2    0.1
types           0.4    0.1
=============  ======  ===

What a command imports of the standard library otherwise is written in C, frozen into the interpreter, or rare. Imports
nothing of corral's.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec

__all__ = ["NAMES", "install", "standard", "stands_in"]

NAMES = frozenset(
    ("collections", "ctypes", "dataclasses", "functools", "json", "signal", "socket", "types", "typing"),
)
_HERE = __file__.rpartition("/")[0]
_deposed: set[str] = set()


class _Finder:
    """First of ``sys.meta_path``."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if not stands_in(name):
            return None
        machinery = sys.modules["_frozen_importlib_external"]
        path = f"{_HERE}/{name}.py"
        spec: ModuleSpec = type(__spec__)(name, machinery.SourceFileLoader(name, path), origin=path)
        spec.has_location = True  # and so a __file__
        return spec


def install() -> None:
    """To be called first of all: what was imported already stays what it is."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def stands_in(name: str) -> bool:
    """Whether the module of that name would be ours, if it were imported now."""
    return name in NAMES and name not in _deposed


def standard(name: str) -> Callable[[str], object]:
    """``__getattr__`` of the stand-in ``name``."""

    def lookup(attribute: str) -> object:
        if attribute.startswith("__"):
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")
        if name not in _deposed:
            _deposed.add(name)
            if getattr(sys.modules.get(name), "__file__", "") == f"{_HERE}/{name}.py":  # the standard one has one copy
                del sys.modules[name]
        __import__(name)
        value: object = getattr(sys.modules[name], attribute)
        return value

    return lookup
