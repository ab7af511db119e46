"""Names of images as Docker reads and writes them: ``[domain/]path[:tag][@digest]``.

A name without a domain belongs to docker.io, and one without a slash to docker.io's ``library``; people are shown the
familiar form, which leaves both out again. ``Reference`` holds the normalised parts.

Source: the grammar of distribution/reference (reference.go, normalize.go); error texts are those of the docker daemon.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from corral.errors import Invalid
from corral.oci.digest import parse_digest

DEFAULT_DOMAIN: Final = "docker.io"
DEFAULT_TAG: Final = "latest"
_LEGACY_DOMAIN: Final = "index.docker.io"
_OFFICIAL: Final = "library/"
_NAME_MAXIMUM: Final = 255

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST: Final = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[(?:[a-fA-F0-9:]+)\])"
_DOMAIN: Final = re.compile(rf"{_HOST}(?::[0-9]+)?")
_TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}", re.ASCII)
_IDENTIFIER: Final = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A normalised name; ``str`` of it is canonical and is what the reference store is keyed by."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """The repository: domain and path."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        # library/ is only left out where nothing but the name follows: docker.io/library/a/b is not a/b
        rest = self.path.removeprefix(_OFFICIAL)
        return rest if rest != self.path and "/" not in rest else self.path

    @property
    def familiar(self) -> str:
        """What a person is shown and types."""
        return self.familiar_name + self._suffix

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def is_name_only(self) -> bool:
        return not self.tag and not self.digest

    def tagged(self) -> Reference:
        """Itself, with the default tag when it has neither tag nor digest."""
        return replace(self, tag=DEFAULT_TAG) if self.is_name_only else self

    def with_tag(self, tag: str) -> Reference:
        """Raises Invalid."""
        if not _TAG.fullmatch(tag):
            raise Invalid("invalid tag format")
        return replace(self, tag=tag)

    def without_tag(self) -> Reference:
        return replace(self, tag="")

    def __str__(self) -> str:
        return self.name + self._suffix


def parse_reference(text: str) -> Reference:
    """The normalised form of what a person wrote. Raises Invalid with Docker's text."""
    if _IDENTIFIER.fullmatch(text):
        raise Invalid(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    rest, at, digest_text = text.partition("@")
    domain, remainder = _split_domain(rest)
    path, tag = _split_tag(remainder)
    if path.lower() != path:
        raise Invalid(f"invalid reference format: repository name ({path}) must be lowercase")
    if not _PATH.fullmatch(path) or not _DOMAIN.fullmatch(domain) or (tag is not None and not _TAG.fullmatch(tag)):
        raise Invalid("invalid reference format")
    if len(path) > _NAME_MAXIMUM:
        raise Invalid(f"repository name must not be more than {_NAME_MAXIMUM} characters")
    digest = ""
    if at:
        try:
            digest = parse_digest(digest_text)
        except Invalid as error:
            raise Invalid("invalid reference format" if "format" in error.message else error.message) from error
    return Reference(domain, path, tag or "", digest)


def _split_domain(name: str) -> tuple[str, str]:
    """What stands before the first slash is a domain only when it cannot be anything else."""
    head, slash, rest = name.partition("/")
    is_domain = bool(slash) and (any(c in head for c in ".:") or head == "localhost" or head.lower() != head)
    domain, remainder = (head, rest) if is_domain else (DEFAULT_DOMAIN, name)
    if domain == _LEGACY_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in remainder:
        remainder = _OFFICIAL + remainder
    return domain, remainder


def _split_tag(remainder: str) -> tuple[str, str | None]:
    path, colon, tag = remainder.partition(":")
    return (path, tag) if colon else (path, None)
