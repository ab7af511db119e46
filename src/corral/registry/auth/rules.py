"""The rule file: what whom is allowed to do with which repository.

One statement a line; ``#`` begins a comment::

    group NAME = MEMBER, MEMBER ...
    allow WHO ACTIONS REPOSITORIES
    deny  WHO ACTIONS REPOSITORIES

WHO is ``anonymous`` (not signed in), ``users`` (anybody signed in), ``everyone`` (both), ``@GROUP`` or a user's name.
ACTIONS are ``pull``, ``push``, ``delete``, joined by commas, or ``*`` for all three. REPOSITORIES is a pattern: ``*``
stands for any text within one component of the name, ``**`` for any text, ``${user}`` for the name of the user.

For each action the first line that fits decides; what no line fits is denied. Clients that push need to pull as well.

Example::

    group dev = alice, bob
    deny  everyone push,delete   frozen/**
    allow everyone pull          public/**
    allow @dev     pull,push     team/**
    allow users    *             home/${user}/**
    allow admin    *             **
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from corral.errors import Invalid

__all__ = ["ACTIONS", "Rule", "Rules", "parse_rules"]

ACTIONS: Final = ("pull", "push", "delete")
_USER: Final = "${user}"
_GROUP_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Rule:
    allows: bool
    who: str
    actions: frozenset[str]
    pattern: str


@dataclass(frozen=True, slots=True)
class Rules:
    """``user`` is empty for who has not signed in."""

    rules: tuple[Rule, ...]
    groups: dict[str, frozenset[str]] = field(default_factory=dict)

    def actions(self, user: str, repository: str) -> frozenset[str]:
        """What the user may do with the repository."""
        allowed: set[str] = set()
        decided: set[str] = set()
        for rule in self.rules:
            new = rule.actions - decided
            if new and self._is_meant(rule.who, user) and _fits(rule.pattern, user, repository):
                decided |= new
                if rule.allows:
                    allowed |= new
                if len(decided) == len(ACTIONS):
                    break
        return frozenset(allowed)

    def _is_meant(self, who: str, user: str) -> bool:
        match who:
            case "everyone":
                return True
            case "anonymous":
                return not user
            case "users":
                return bool(user)
        if who.startswith("@"):
            return user in self.groups[who[1:]]
        return bool(user) and who == user

    @property
    def admits_anonymous(self) -> bool:
        """Whether anything at all is allowed without signing in."""
        return any(rule.allows and rule.who in ("anonymous", "everyone") for rule in self.rules)


def _fits(pattern: str, user: str, repository: str) -> bool:
    if _USER in pattern and not user:
        return False
    return _compiled(pattern, user if _USER in pattern else "").fullmatch(repository) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, user: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*|\$\{user\})", pattern)
    words = {"**": ".*", "*": "[^/]*", _USER: re.escape(user)}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts), re.DOTALL)


def parse_rules(text: str, path: str) -> Rules:
    """Raises Invalid naming file and line."""
    rules: list[Rule] = []
    groups: dict[str, frozenset[str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            if words[0] == "group":
                name, members = _group(line.partition("#")[0])
                if name in groups:
                    raise ValueError(f"group {name} is there twice")
                groups[name] = members
            else:
                rules.append(_rule(words))
        except ValueError as error:
            raise Invalid(f"{path}:{number}: {error}") from None
    for rule in rules:
        if rule.who.startswith("@") and rule.who[1:] not in groups:
            raise Invalid(f"{path}: there is no group {rule.who[1:]}")
    return Rules(tuple(rules), groups)


def _group(line: str) -> tuple[str, frozenset[str]]:
    head, equals, tail = line.partition("=")
    words = head.split()
    if not equals or len(words) != 2 or not _GROUP_NAME.fullmatch(words[1]):
        raise ValueError("a group is written: group NAME = MEMBER, MEMBER ...")
    return words[1], frozenset(member.strip() for member in tail.split(",") if member.strip())


def _rule(words: Sequence[str]) -> Rule:
    if words[0] not in ("allow", "deny"):
        raise ValueError(f"a line begins with allow, deny or group, not {words[0]}")
    if len(words) != 4:
        raise ValueError(f"a rule is written: {words[0]} WHO ACTIONS REPOSITORIES")
    _, who, actions, pattern = words
    given = frozenset(ACTIONS) if actions == "*" else frozenset(actions.split(","))
    unknown = given.difference(ACTIONS)
    if unknown:
        raise ValueError(f"unknown action {sorted(unknown)[0]!r}: pull, push, delete or *")
    return Rule(words[0] == "allow", who, given, pattern)
