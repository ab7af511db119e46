"""A row of a list, and its headers, as templates see them."""

from __future__ import annotations

from corral.cli.format import View
from corral.cli.template.functions import Function
from corral.cli.template.values import Fields, Method


class Row(Fields):
    """``{{.Names}}`` is the column's value for this row."""

    __slots__ = ("_row", "_view")

    escapes = True

    def __init__(self, view: View, row: object) -> None:
        self._view = view
        self._row = row

    @property
    def type_name(self) -> str:  # type: ignore[override]  # a constant in the base, the view's here
        return self._view.type_name

    def field(self, name: str) -> object:
        column = self._view.columns.get(name)
        if column is None:
            return super().field(name)
        if column.keyed:
            return Method(lambda key: column.value(self._row, key))
        return column.value(self._row)

    def plain(self) -> object:
        columns = self._view.columns
        return {name: columns[name].value(self._row) for name in sorted(columns) if not columns[name].keyed}

    def printed(self) -> str:
        return (
            "{"
            + " ".join(f"{column.value(self._row)}" for column in self._view.columns.values() if not column.keyed)
            + "}"
        )


class Headers(Fields):
    """The same names, each giving its column's header."""

    __slots__ = ("_view",)

    def __init__(self, view: View) -> None:
        self._view = view

    def field(self, name: str) -> object:
        column = self._view.columns.get(name)
        if column is None:
            return super().field(name)
        if column.keyed:
            return Method(lambda key: str(key).rpartition(".")[2].replace("-", " ").replace("_", " "))
        return column.header


def header_functions() -> dict[str, Function]:
    """In the header line these leave the header as it is."""

    def keep(value: object, *_: object) -> object:
        return value

    return dict.fromkeys(("json", "split", "join", "title", "lower", "upper", "pad", "truncate"), keep)
