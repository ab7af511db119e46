"""What a token is to allow: ``repository:PATH:ACTION[,ACTION...]``.

Source: distribution's documentation, auth/scope.md.
"""

from __future__ import annotations

from collections.abc import Iterable


def repository(path: str, *actions: str) -> str:
    return f"repository:{path}:{','.join(actions)}"


def merge(scopes: Iterable[str]) -> tuple[str, ...]:
    """One scope for each resource, with the actions of all; in the order in which they came."""
    merged: dict[str, list[str]] = {}
    for scope in scopes:
        for one in scope.split():
            resource, colon, actions = one.rpartition(":")
            if not colon:
                continue
            known = merged.setdefault(resource, [])
            known += [action for action in actions.split(",") if action and action not in known]
    return tuple(f"{resource}:{','.join(actions)}" for resource, actions in merged.items())
