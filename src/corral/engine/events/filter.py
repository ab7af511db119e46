"""Docker's filters for events: a condition for each name, values of one name are alternatives.

``type``, ``scope`` and ``event`` are compared whole, except that actions which carry more after a colon (exec_create,
exec_start, health_status) are named by their beginning; once one of them is asked for, this goes for every action.
The names of objects (``container``, ``network``, ...) are beginnings of ids or names, of whatever type the event is.
``image`` is compared whole, with and without its tag. All of ``label`` must be there. Other names mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from corral.api.types.event import Event

__all__ = ["EventFilter"]

_OBJECTS: Final = ("container", "daemon", "network", "volume", "plugin", "service", "node", "secret", "config")
_LONG_ACTIONS: Final = frozenset({"health_status", "exec_create", "exec_start"})


class EventFilter:
    """``event in filter``: whether it is wanted."""

    def __init__(self, filters: Mapping[str, Sequence[str]]) -> None:
        self._types = frozenset(filters.get("type", ()))
        self._scopes = frozenset(filters.get("scope", ()))
        self._actions = tuple(filters.get("event", ()))
        self._actions_by_beginning = not _LONG_ACTIONS.isdisjoint(self._actions)
        self._objects = [tuple(filters[name]) for name in _OBJECTS if filters.get(name)]
        self._images = frozenset(filters.get("image", ()))
        self._labels = [label.partition("=") for label in filters.get("label", ())]

    def __contains__(self, event: Event) -> bool:
        attributes = event.actor.attributes or {}
        return (
            (not self._types or event.type in self._types)
            and (not self._actions or self._has_action(event.action))
            and (not self._scopes or event.scope in self._scopes)
            and all(_begins(event.actor.id, attributes.get("name", ""), names) for names in self._objects)
            and (not self._images or self._is_about_image(event, attributes))
            and all(key in attributes and (not sign or attributes[key] == value) for key, sign, value in self._labels)
        )

    def _has_action(self, action: str) -> bool:
        return action.startswith(self._actions) if self._actions_by_beginning else action in self._actions

    def _is_about_image(self, event: Event, attributes: Mapping[str, str]) -> bool:
        name = attributes.get("name" if event.type == "image" else "image", "")
        names = {event.actor.id, _without_tag(event.actor.id), name, _without_tag(name)}
        return not self._images.isdisjoint(names - {""})


def _begins(id: str, name: str, beginnings: tuple[str, ...]) -> bool:
    return id.startswith(beginnings) or name.startswith(beginnings)


def _without_tag(reference: str) -> str:
    """``registry:5000/name:tag`` -> ``registry:5000/name``; digests go as well."""
    before_digest = reference.partition("@")[0]
    path, slash, last = before_digest.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"
