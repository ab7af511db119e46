"""Stands in for ``functools``."""

from __future__ import annotations

from _functools import _lru_cache_wrapper, cmp_to_key, partial, reduce  # type: ignore[import-not-found]

from corral.runtime.command.slim import standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["cache", "cmp_to_key", "lru_cache", "partial", "reduce", "update_wrapper", "wraps"]

WRAPPER_ASSIGNMENTS = ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__")


class _CacheInfo(tuple[int, int, int, int]):
    def __new__(cls, *counts: int) -> _CacheInfo:
        return super().__new__(cls, counts)


def update_wrapper(wrapper: Any, wrapped: Any, assigned: Any = WRAPPER_ASSIGNMENTS, _updated: Any = ()) -> Any:
    for name in assigned:
        if hasattr(wrapped, name):
            setattr(wrapper, name, getattr(wrapped, name))
    wrapper.__dict__.update(getattr(wrapped, "__dict__", {}))
    wrapper.__wrapped__ = wrapped
    return wrapper


def wraps(wrapped: Any, assigned: Any = WRAPPER_ASSIGNMENTS) -> Any:
    return lambda wrapper: update_wrapper(wrapper, wrapped, assigned)


def cache(function: Any) -> Any:
    return update_wrapper(_lru_cache_wrapper(function, None, False, _CacheInfo), function)


def lru_cache(maxsize: Any = 128, typed: bool = False) -> Any:
    """Decorator, with or without arguments."""
    if callable(maxsize):
        return lru_cache()(maxsize)
    return lambda function: update_wrapper(_lru_cache_wrapper(function, maxsize, typed, _CacheInfo), function)


__getattr__ = standard("functools")
