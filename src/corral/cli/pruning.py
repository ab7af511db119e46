"""What the prune verbs share: their flags, the question, the report."""

from __future__ import annotations

from collections.abc import Sequence

from corral.cli.confirm import confirmed
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, FILTER
from corral.cli.output import Output
from corral.cli.units import decimal_size


def flags(example: str) -> tuple[Flag, Flag]:
    return (
        Flag("filter", "", FILTER, f'Provide filter values (e.g. "{example}")'),
        Flag("force", "f", BOOL, "Do not prompt for confirmation"),
    )


def agreed(options: Options, warning: str) -> bool:
    return options.switch("force") or confirmed(f"WARNING! This will remove {warning}.")


def report(out: Output, title: str, removed: Sequence[str], reclaimed: int) -> None:
    if removed:
        out.line(title)
        for name in removed:
            out.line(name)
        out.line()
    out.line(f"Total reclaimed space: {decimal_size(reclaimed)}")
