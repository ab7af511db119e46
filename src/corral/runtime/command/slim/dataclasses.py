"""Stands in for ``dataclasses``.

The standard one writes the text of four methods for each class and compiles it, and imports inspect, ast and dis to do
so: a supervisor pays once for a hundred classes, a command each time, and it was two thirds of all that ``create`` and
``exec`` took before they did anything. Here the methods are shared functions that look the names up: slower for each
object, of which a command makes a hundred.
"""

from __future__ import annotations

from corral.runtime.command.slim import standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

__all__ = [
    "MISSING",
    "Field",
    "FrozenInstanceError",
    "dataclass",
    "field",
    "fields",
    "is_dataclass",
    "replace",
]

_FIELDS = "__dataclass_fields__"
_set = object.__setattr__


class FrozenInstanceError(AttributeError):
    """As the standard one."""


class _Missing:
    """The type of ``MISSING``."""


MISSING = _Missing()


class Field:
    __slots__ = ("compare", "default", "default_factory", "kw_only", "metadata", "name")

    def __init__(
        self, default: Any, default_factory: Any, metadata: Mapping[Any, Any] | None, kw_only: bool, compare: bool
    ) -> None:
        self.name = ""
        self.default = default
        self.default_factory = default_factory
        self.metadata = metadata or {}
        self.kw_only = kw_only
        self.compare = compare


def field(
    *,
    default: Any = MISSING,
    default_factory: Any = MISSING,
    metadata: Mapping[Any, Any] | None = None,
    kw_only: bool = False,
    compare: bool = True,
) -> Any:
    return Field(default, default_factory, metadata, kw_only, compare)


def dataclass(cls: type | None = None, *, frozen: bool = False, slots: bool = False) -> Any:  # noqa: ARG001
    """Decorator, with or without arguments. ``slots`` has no effect: a class would have to be made twice."""
    if cls is None:
        return lambda cls: _made(cls, frozen)
    return _made(cls, frozen)


def _made(cls: type, frozen: bool) -> type:
    found: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        found.update(base.__dict__.get(_FIELDS, {}))
    namespace = cls.__dict__
    for name, kind in namespace.get("__annotations__", {}).items():
        if "ClassVar" in str(kind):
            continue
        value = namespace.get(name, MISSING)
        if not isinstance(value, Field):
            value = Field(value, MISSING, None, False, True)
        elif value.default is MISSING:
            delattr(cls, name)
        else:
            setattr(cls, name, value.default)
        value.name = name
        found[name] = value
    these = tuple(found.values())
    compared = tuple([one.name for one in these if one.compare])
    made: Any = cls
    made.__dataclass_fields__ = found
    made.__match_args__ = tuple([one.name for one in these if not one.kw_only])  # type: ignore[misc]
    made.__init__ = _initializer(these, "__post_init__" in namespace)
    if "__repr__" not in namespace:
        made.__repr__ = _repr
    has_hash = namespace.get("__hash__") is not None
    if "__eq__" not in namespace:
        made.__eq__ = _comparison(compared)
    if frozen:
        made.__setattr__ = made.__delattr__ = _refuse
        if not has_hash:
            made.__hash__ = lambda self: hash(tuple([getattr(self, name) for name in compared]))
    elif not has_hash:
        made.__hash__ = None
    return cls


def _initializer(these: tuple[Field, ...], then: bool) -> Callable[..., None]:
    in_order = tuple(one for one in these if not one.kw_only)
    names = tuple(one.name for one in in_order)
    defaults = tuple((one.name, one.default, one.default_factory) for one in these)

    def initialize(self: Any, *args: Any, **kwargs: Any) -> None:
        if args:
            if len(args) > len(names):
                raise TypeError(f"{type(self).__name__}() takes {len(names)} positional arguments, got {len(args)}")
            for name, value in zip(names, args, strict=False):
                if name in kwargs:
                    raise TypeError(f"{type(self).__name__}() got multiple values for argument {name!r}")
                kwargs[name] = value
        for name, default, factory in defaults:
            if name in kwargs:
                value = kwargs.pop(name)
            elif factory is not MISSING:
                value = factory()
            elif default is not MISSING:
                value = default
            else:
                raise TypeError(f"{type(self).__name__}() missing argument {name!r}")
            _set(self, name, value)
        if kwargs:
            raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {next(iter(kwargs))!r}")
        if then:
            self.__post_init__()

    return initialize


def _comparison(names: tuple[str, ...]) -> Callable[[Any, object], Any]:
    def equals(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in names)

    return equals


def _refuse(_self: Any, name: str, *value: object) -> None:
    raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")


def _repr(self: Any) -> str:
    pairs = ", ".join(f"{name}={getattr(self, name)!r}" for name in getattr(self, _FIELDS))
    return f"{type(self).__qualname__}({pairs})"


def fields(of: Any) -> Iterable[Field]:
    """Of a class or an object. Raises TypeError."""
    try:
        return tuple(getattr(of, _FIELDS).values())
    except AttributeError:
        raise TypeError("must be called with a dataclass type or instance") from None


def is_dataclass(of: Any) -> bool:
    return hasattr(of if isinstance(of, type) else type(of), _FIELDS)


def replace(of: Any, /, **changes: Any) -> Any:
    return type(of)(**{name: getattr(of, name) for name in getattr(of, _FIELDS) if name not in changes}, **changes)


__getattr__ = standard("dataclasses")
