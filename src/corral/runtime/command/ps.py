"""``ps``: the processes of a container, as the host's ps(1) shows them, or their numbers as JSON."""

from __future__ import annotations

import json
import subprocess
from typing import Final

from corral.errors import Internal, Invalid, Unavailable
from corral.runtime.command import container
from corral.runtime.command.arguments import TEXT, Flag, Options
from corral.runtime.command.context import Context
from corral.runtime.command.records import check_id

__all__ = ["FLAGS", "USAGE", "run", "selected"]

FLAGS: Final = (Flag("format f", TEXT, "table or json (table)"),)
USAGE: Final = "[flags] ID [options of ps]"

_USUAL: Final = ("-ef",)


def run(context: Context, options: Options) -> int:
    form = options.text("format", "table")
    if form not in ("table", "json"):
        raise Invalid(f"invalid format option: {form}")
    if not options.rest:
        raise Invalid(f'"corral-oci ps {USAGE}" requires a container id')
    pids = container.find(context.root, check_id(options.rest[0])).cgroup().pids()
    if form == "json":
        print(json.dumps(pids))
        return 0
    arguments = options.rest[1:]
    try:
        done = subprocess.run(["ps", *(arguments or _USUAL)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Unavailable("ps is not installed here; --format json does without") from None
    if done.returncode:
        raise Internal(f"ps: {done.stderr.strip()}")
    print(selected(done.stdout, pids), end="")
    return 0


def selected(table: str, pids: list[int]) -> str:
    """The heading and the lines of ``pids``. Raises Invalid when no column is called PID."""
    heading, *lines = table.splitlines() or [""]
    try:
        column = heading.split().index("PID")
    except ValueError:
        raise Invalid("couldn't find PID field in ps output") from None
    wanted = {str(pid) for pid in pids}
    kept = [line for line in lines if len(line.split()) > column and line.split()[column] in wanted]
    return "".join(f"{line}\n" for line in (heading, *kept))
