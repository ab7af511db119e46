"""A stand-in for ``typing`` in the processes of this command line, and nowhere else; see ``swift``.

Annotations are texts to the modules here, and nobody asks for them but ``oci.codec``; what they import of typing are
names that stand in those texts. A name that is not here brings the standard module in, for good.
"""

from __future__ import annotations

import sys
from types import ModuleType, UnionType

TYPE_CHECKING = False


class Any:
    """A type, so that ``Any | None`` can be said."""


class Final:
    """In annotations only."""


class NoReturn:
    """In annotations only."""


class _Subscripted:
    def __class_getitem__(cls, item: object) -> type:
        return cls


class Generic(_Subscripted):
    """A base class that does nothing."""


class Protocol(_Subscripted):
    """A base class that does nothing."""


class Union:
    """Nothing is one: those of the specification are written with ``|``."""


class TypeVar:
    def __init__(self, name: str, *_constraints: object, **_options: object) -> None:
        self.name = name


def cast(_type: object, value: object) -> object:
    return value


def get_origin(hint: object) -> object:
    return UnionType if isinstance(hint, UnionType) else getattr(hint, "__origin__", None)


def get_args(hint: object) -> tuple[object, ...]:
    return getattr(hint, "__args__", ())


def get_type_hints(of: type) -> dict[str, object]:
    """Of the class itself. Evaluated are texts of our own source."""
    names = vars(sys.modules[of.__module__])
    return {
        name: eval(text, names) if isinstance(text, str) else text  # noqa: S307
        for name, text in of.__dict__.get("__annotations__", {}).items()  # noqa: RUF063 -- which would import inspect
    }


class _Typing(ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get("typing") is self:
            del sys.modules["typing"]
        import typing

        return getattr(typing, name)


def install() -> None:
    """To be called first of all; afterwards it has no effect on what was imported already."""
    if "typing" not in sys.modules:
        module = _Typing("typing")
        module.__dict__.update(
            {name: value for name, value in globals().items() if name[0] != "_" and name != "install"}
        )
        sys.modules["typing"] = module
