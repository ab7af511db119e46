"""Stands in for ``types``."""

from __future__ import annotations

import sys

from corral.runtime.command.slim import standard

__all__ = [
    "BuiltinFunctionType",
    "FunctionType",
    "GenericAlias",
    "LambdaType",
    "MappingProxyType",
    "MethodType",
    "ModuleType",
    "NoneType",
    "SimpleNamespace",
    "UnionType",
]


class _C:
    def method(self) -> None:
        """Its type is what counts."""


BuiltinFunctionType = type(len)
FunctionType = LambdaType = type(standard)
GenericAlias = type(list[int])
MappingProxyType = type(type.__dict__)
MethodType = type(_C().method)
ModuleType = type(sys)
NoneType = type(None)
SimpleNamespace = type(sys.implementation)
UnionType = type(int | str)

__getattr__ = standard("types")
