"""One decision: who sent a request, and may they do what it asks for.

Three ways to say who one is: not at all, Basic (name and password), Bearer (a token of ours). A refusal is either "sign
in" (401, with the challenge that tells how) or "you may not" (403). A token holds what was asked for when it was made;
the rules of now are asked again, so that what is taken away is gone at once.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from corral.errors import Invalid, Unauthorized
from corral.registry.auth.htpasswd import Passwords, parse_htpasswd
from corral.registry.auth.rules import ACTIONS, Rules, parse_rules
from corral.registry.auth.tokens import Claims, Grant, Signer
from corral.registry.names import is_repository
from corral.registry.refusals import DENIED, UNAUTHORIZED, Refusal

__all__ = ["Access", "Identity", "Need", "Settings"]

_REALM: Final = "corral registry"
_EVERYTHING: Final = frozenset(ACTIONS)
_LONGEST: Final = 16 << 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Identity:
    """``user`` is empty for who has not signed in; ``granted`` is None when the whole of their rights counts.

    ``presented``: credentials were sent, and were right.
    """

    user: str = ""
    granted: tuple[Grant, ...] | None = None
    presented: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """What a request takes: an action on a repository; the catalog; or nothing but a name (all empty).

    ``source``: a repository to mount from; who may not pull from it uploads instead, and is not refused.
    """

    repository: str = ""
    action: str = ""
    catalog: bool = False
    source: str = ""

    @property
    def scope(self) -> str:
        if self.catalog:
            return "registry:catalog:*"
        if not self.repository:
            return ""
        actions = "pull,push" if self.action == "push" else self.action
        source = f" repository:{self.source}:pull" if self.source else ""
        return f"repository:{self.repository}:{actions}{source}"


@dataclass(frozen=True, slots=True)
class Settings:
    """``realm``: URL of the token endpoint, when it is not what the client calls this server; ``basic``: challenge
    with Basic and not with Bearer."""

    htpasswd: Path | None = None
    rules: Path | None = None
    realm: str = ""
    basic: bool = False


class Access:
    """Without passwords and rules everybody may do everything. Raises Invalid or Unsupported."""

    def __init__(self, settings: Settings, signer: Signer) -> None:
        self.settings = settings
        self.signer = signer
        self.passwords: Passwords | None = None
        self.rules: Rules | None = None
        self.load()

    @property
    def is_open(self) -> bool:
        return self.passwords is None and self.rules is None

    def load(self) -> None:
        """Reads the files, again. What is wrong raises, and changes nothing."""
        users = _read(self.settings.htpasswd, parse_htpasswd)
        rules = _read(self.settings.rules, parse_rules)
        if users is not None:
            if self.passwords is None:
                self.passwords = Passwords(users)
            else:
                self.passwords.replace(users)
        self.rules = rules

    # -- who

    async def identify(self, header: str | None) -> Identity:
        """By the Authorization header. Raises Refusal when what it says is wrong."""
        if header is None or self.is_open:
            return Identity()
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "basic":
            return await self._basic(value.strip())
        if scheme.lower() == "bearer":
            return self._bearer(value.strip())
        raise Refusal(UNAUTHORIZED, "Authorization is neither Basic nor Bearer")

    async def _basic(self, value: str) -> Identity:
        try:
            user, colon, password = base64.b64decode(value[:_LONGEST], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Refusal(UNAUTHORIZED, "malformed credentials") from None
        if not colon:
            raise Refusal(UNAUTHORIZED, "malformed credentials")
        return await self.sign_in(user, password)

    async def sign_in(self, user: str, password: str) -> Identity:
        """Raises Refusal."""
        if not user and not password:
            return Identity()
        if self.passwords is None or not user or not await self.passwords.check(user, password):
            raise Refusal(UNAUTHORIZED)
        return Identity(user, presented=True)

    def _bearer(self, value: str) -> Identity:
        try:
            claims = self.signer.read(value)
        except Unauthorized as error:
            raise Refusal(UNAUTHORIZED, error.message) from None
        self._check_user(claims)
        return Identity(claims.sub, tuple(claims.access), presented=True)

    def renew(self, refresh_token: str) -> Identity:
        """Raises Refusal."""
        try:
            claims = self.signer.read(refresh_token, "refresh")
        except Unauthorized as error:
            raise Refusal(UNAUTHORIZED, error.message) from None
        self._check_user(claims)
        if self.passwords is None or claims.fingerprint != self.passwords.fingerprint(claims.sub):
            raise Refusal(UNAUTHORIZED, "the password has changed")
        return Identity(claims.sub, presented=True)

    def _check_user(self, claims: Claims) -> None:
        if claims.sub and (self.passwords is None or claims.sub not in self.passwords.users):
            raise Refusal(UNAUTHORIZED, "there is no such user any more")

    # -- what

    def rights(self, user: str, repository: str) -> frozenset[str]:
        """By the rules of now, whatever a token says."""
        if self.rules is not None:
            return self.rules.actions(user, repository)
        return _EVERYTHING if user or self.passwords is None else frozenset()

    def allows(self, identity: Identity, repository: str, action: str) -> bool:
        """Whether it may be done; never raises."""
        return action in self.rights(identity.user, repository) and _covers(identity, repository, action)

    def check(self, identity: Identity, need: Need) -> None:
        """Raises Refusal."""
        if self.is_open:
            return
        if need.catalog:
            if identity.granted is not None and not _covers(identity, "catalog", "*", "registry"):
                raise Refusal(UNAUTHORIZED, "insufficient_scope")
            if not identity.user and not (self.rules and self.rules.admits_anonymous):
                raise Refusal(UNAUTHORIZED)
        elif need.repository:
            if need.action not in self.rights(identity.user, need.repository):
                raise Refusal(DENIED if identity.user else UNAUTHORIZED, f"{need.action} {need.repository}")
            if not _covers(identity, need.repository, need.action):
                raise Refusal(UNAUTHORIZED, "insufficient_scope")
            readable = need.source and "pull" in self.rights(identity.user, need.source)
            if readable and not _covers(identity, need.source, "pull"):
                raise Refusal(UNAUTHORIZED, "insufficient_scope")
        elif not identity.presented and not (self.settings.basic and self.rules and self.rules.admits_anonymous):
            # where tokens are to be had, even who is anonymous must learn where
            raise Refusal(UNAUTHORIZED)

    def grants(self, identity: Identity, scopes: Iterable[str]) -> list[Grant]:
        """What of the scopes (``repository:NAME:ACTION,ACTION``) is allowed; what is not is left out."""
        granted = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, wanted = rest.rpartition(":")
            if kind == "repository" and is_repository(name):
                rights = self.rights(identity.user, name)
                asked = _EVERYTHING if "*" in wanted.split(",") else wanted.split(",")
                granted.append(
                    Grant("repository", name, [action for action in ACTIONS if action in asked and action in rights])
                )
            elif (
                kind == "registry"
                and name == "catalog"
                and (identity.user or self.is_open or (self.rules and self.rules.admits_anonymous))
            ):
                granted.append(Grant("registry", "catalog", ["*"]))
        return granted

    def challenge(self, need: Need, own_url: str, error: str = "") -> str:
        """The value of WWW-Authenticate; ``own_url`` is what the client called this server, without a path."""
        if self.settings.basic or (self.passwords is None and self.rules is None):
            return f'Basic realm="{_REALM}"'
        realm = self.settings.realm or f"{own_url}/token"
        words = [f'realm="{realm}"', f'service="{self.signer.service}"']
        if need.scope:
            words.append(f'scope="{need.scope}"')
        if error:
            words.append(f'error="{error}"')
        return "Bearer " + ",".join(words)


def _covers(identity: Identity, name: str, action: str, kind: str = "repository") -> bool:
    return identity.granted is None or any(
        grant.type == kind and grant.name == name and action in grant.actions for grant in identity.granted
    )


def _read(path: Path | None, parse: Callable[[str, str], T]) -> T | None:
    if path is None:
        return None
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise Invalid(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not text in UTF-8") from None
