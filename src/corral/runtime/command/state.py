"""``state``: print it as JSON (runtime.md, "Query State")."""

from __future__ import annotations

import json
from typing import Final

from corral.runtime.command import container
from corral.runtime.command.arguments import Flag, Options
from corral.runtime.command.context import Context
from corral.runtime.command.single import the_id

__all__ = ["FLAGS", "USAGE", "run"]

FLAGS: Final[tuple[Flag, ...]] = ()
USAGE: Final = "ID"


def run(context: Context, options: Options) -> int:
    found = container.find(context.root, the_id(options, f"state {USAGE}"))
    print(json.dumps(found.state(), indent=2))
    return 0
