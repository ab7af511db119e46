"""Aligned columns: cells separated by tabs, as Go's text/tabwriter aligns them with docker's settings."""

from __future__ import annotations

from collections.abc import Sequence

MIN_WIDTH = 10
PADDING = 3


def align(lines: Sequence[str], *, min_width: int = MIN_WIDTH, padding: int = PADDING) -> str:
    """``lines`` with every tab replaced by the spaces that align its column.

    A column is a run of neighbouring lines that have a tab-terminated cell at that place, as in tabwriter; the last
    cell of a line is never padded.
    """
    rows = [line.split("\t") for line in lines]
    widths: list[list[int]] = [[0] * (len(row) - 1) for row in rows]
    _measure(rows, widths, 0, len(rows), 0, min_width, padding)
    out: list[str] = []
    for row, cells in zip(rows, widths, strict=True):
        out.append("".join(cell.ljust(width) for cell, width in zip(row, cells, strict=False)) + row[-1])
    return "".join(line + "\n" for line in out)


def _measure(
    rows: list[list[str]], widths: list[list[int]], start: int, end: int, column: int, min_width: int, padding: int
) -> None:
    at = start
    while at < end:
        if len(rows[at]) - 1 <= column:
            at += 1
            continue
        stop = at
        widest = 0
        while stop < end and len(rows[stop]) - 1 > column:
            widest = max(widest, len(rows[stop][column]))
            stop += 1
        # tabwriter drops a column whose cells are all empty, unless a minimum width was asked for.
        width = max(widest + padding, min_width) if widest or min_width else 0
        for line in range(at, stop):
            widths[line][column] = width
        _measure(rows, widths, at, stop, column + 1, min_width, padding)
        at = stop
