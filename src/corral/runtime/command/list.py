"""``list``: all containers of this --root."""

from __future__ import annotations

import json
from typing import Final

from corral.errors import Invalid
from corral.runtime.command import container
from corral.runtime.command.arguments import BOOL, TEXT, Flag, Options
from corral.runtime.command.context import Context, rfc3339

__all__ = ["FLAGS", "USAGE", "run"]

FLAGS: Final = (Flag("format f", TEXT, "table or json (table)"), Flag("quiet q", BOOL, "ids only"))
USAGE: Final = "[flags]"

_HEADINGS: Final = ("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")


def run(context: Context, options: Options) -> int:
    form = options.text("format", "table")
    if form not in ("table", "json"):
        raise Invalid(f"invalid format option: {form}")
    found = container.find_all(context.root)
    if options.bool("quiet"):
        print("".join(f"{one.id}\n" for one in found), end="")
    elif form == "json":
        print(json.dumps([one.state() for one in found] or None))
    else:
        print(_table([_row(one) for one in found]), end="")
    return 0


def _row(one: container.Container) -> tuple[str, ...]:
    record, status = one.recorded(), one.status()
    pid = 0 if status == container.STOPPED else record.pid
    return one.id, str(pid), status, record.bundle, rfc3339(record.created), "root"


def _table(rows: list[tuple[str, ...]]) -> str:
    everything = [_HEADINGS, *rows]
    widths = [max(12, *(len(row[column]) + 1 for row in everything)) for column in range(len(_HEADINGS))]
    lines = ("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in everything)
    return "".join(f"{line.rstrip()}\n" for line in lines)
