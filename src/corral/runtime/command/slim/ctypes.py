"""Stands in for ``ctypes``: functions of the C library and of the interpreter, and the few types that they are given.

The standard module declares thirty types, and makes a function of C out of one of Python's to see whether it can.
"""

from __future__ import annotations

from _ctypes import (  # type: ignore[attr-defined]
    FUNCFLAG_CDECL,
    FUNCFLAG_PYTHONAPI,
    FUNCFLAG_USE_ERRNO,
    RTLD_LOCAL,
    Array,
    CFuncPtr,
    _cast_addr,
    _SimpleCData,
    addressof,
    byref,
    dlopen,
    get_errno,
    set_errno,
    sizeof,
)

from corral.runtime.command.slim import standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "CDLL",
    "Array",
    "PyDLL",
    "addressof",
    "byref",
    "c_char",
    "c_char_p",
    "c_int",
    "c_long",
    "c_size_t",
    "c_uint",
    "c_uint32",
    "c_void_p",
    "cast",
    "create_string_buffer",
    "get_errno",
    "py_object",
    "pythonapi",
    "set_errno",
    "sizeof",
]


class c_char(_SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    _type_ = "c"


class c_int(_SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    _type_ = "i"


class c_uint(_SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    _type_ = "I"


class c_long(_SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    _type_ = "l"


class c_void_p(_SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    _type_ = "P"


class c_char_p(_SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    _type_ = "z"


class py_object(_SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    _type_ = "O"


class c_size_t(_SimpleCData):  # type: ignore[type-arg]  # noqa: N801
    _type_ = "L"


c_uint32 = c_uint


class CDLL:
    """Of the whole program, the only one that is opened here: ``name`` is None."""

    _flags = FUNCFLAG_CDECL

    def __init__(self, name: None, *, use_errno: bool = False) -> None:
        flags = self._flags | (FUNCFLAG_USE_ERRNO if use_errno else 0)
        self._handle = dlopen(name, RTLD_LOCAL)  # type: ignore[arg-type]
        self._function = type("Function", (CFuncPtr,), {"_flags_": flags, "_restype_": c_int})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        function = self._function((name, self))
        setattr(self, name, function)
        return function


class PyDLL(CDLL):
    """Its functions are called with the interpreter lock held."""

    _flags = FUNCFLAG_CDECL | FUNCFLAG_PYTHONAPI


pythonapi = PyDLL(None)


class _Cast(CFuncPtr):
    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_PYTHONAPI
    _argtypes_ = (c_void_p, py_object, py_object)
    _restype_ = py_object


_cast = _Cast(_cast_addr)


def cast(value: Any, kind: Any) -> Any:
    return _cast(value, value, kind)


def create_string_buffer(content: bytes | int, size: int | None = None) -> Any:
    """``content``: or the size alone."""
    if isinstance(content, int):
        return (c_char * content)()
    buffer: Any = (c_char * (len(content) + 1 if size is None else size))()
    buffer.value = content
    return buffer


__getattr__ = standard("ctypes")
