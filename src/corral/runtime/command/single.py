"""The one argument that most verbs have."""

from __future__ import annotations

from corral.errors import Invalid
from corral.runtime.command.arguments import Options
from corral.runtime.command.records import check_id

__all__ = ["the_id"]


def the_id(options: Options, usage: str) -> str:
    """Raises Invalid unless there is exactly one argument that can be a container's id."""
    if len(options.rest) != 1:
        raise Invalid(f'"corral-oci {usage}" requires exactly 1 argument, got {len(options.rest)}')
    return check_id(options.rest[0])
