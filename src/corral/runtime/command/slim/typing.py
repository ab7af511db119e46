"""Stands in for ``typing``.

Annotations are texts to the modules here, and nobody asks for them but ``oci.codec``; what they import of it are names
that stand in those texts.
"""

from __future__ import annotations

import sys

from corral.runtime.command.slim import standard

TYPE_CHECKING = False


_Union = type(int | str)


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
    return _Union if isinstance(hint, _Union) else getattr(hint, "__origin__", None)


def get_args(hint: object) -> tuple[object, ...]:
    return getattr(hint, "__args__", ())


def get_type_hints(of: type) -> dict[str, object]:
    """Of the class itself. Evaluated are texts of our own source."""
    names = vars(sys.modules[of.__module__])
    return {
        name: eval(text, names) if isinstance(text, str) else text  # noqa: S307
        for name, text in of.__dict__.get("__annotations__", {}).items()  # noqa: RUF063 -- which would import inspect
    }


__getattr__ = standard("typing")
