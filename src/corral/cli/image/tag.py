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
    check(target, repository, tag)
    Images(session.api).tag(source, repository, tag or "latest")
    return 0


def check(target: str, repository: str, tag: str) -> None:
    """Raises CliError when ``target`` cannot be a name."""
    wrong = ""
    if not _NAME.fullmatch(repository):
        lower = _NAME.fullmatch(repository.lower())
        wrong = "invalid reference format" + (": repository name must be lowercase" if lower else "")
        if lower:
            wrong = f"invalid reference format: repository name ({repository}) must be lowercase"
    elif tag.startswith("sha256:"):
        raise CliError("refusing to create a tag with a digest reference")
    elif tag and not _TAG.fullmatch(tag):
        wrong = "invalid reference format"
    if wrong:
        raise CliError(f"error parsing reference: {go_quote(target)} is not a valid repository/tag: {wrong}")


COMMAND = Command(run, arguments="SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", least=2, most=2)
