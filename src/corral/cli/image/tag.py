"""corral tag."""

from __future__ import annotations

import re

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Options
from corral.cli.image.names import split
from corral.cli.kinds import go_quote
from corral.cli.session import Session
from corral.client.images import Images

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_NAME = re.compile(rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)


def run(session: Session, _options: Options, args: list[str]) -> int:
    source, target = args
    repository, tag = split(target)
    if tag.startswith("sha256:"):
        raise CliError("refusing to create a tag with a digest reference")
    wrong = problem(repository, tag)
    if wrong:
        raise CliError(f"Error parsing reference: {go_quote(target)} is not a valid repository/tag: {wrong}")
    Images(session.api).tag(source, repository, tag or "latest")
    return 0


def problem(repository: str, tag: str) -> str:
    """Why the two are no name, or nothing."""
    if not _NAME.fullmatch(repository):
        if _NAME.fullmatch(repository.lower()):
            return f"invalid reference format: repository name ({path(repository)}) must be lowercase"
        return "invalid reference format"
    return "" if not tag or _TAG.fullmatch(tag) else "invalid reference format"


def path(repository: str) -> str:
    """The name without its registry, as docker completes it: ``Upper`` is ``library/Upper``."""
    first, slash, rest = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return rest
    return repository if slash else f"library/{repository}"


COMMAND = Command(run, arguments="SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", least=2, most=2)
