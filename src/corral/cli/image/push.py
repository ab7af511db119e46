"""corral push."""

from __future__ import annotations

import json

from corral.cli.command import Command
from corral.cli.credentials.header import for_image
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.image.names import canonical, check, split
from corral.cli.kinds import BOOL, STRING
from corral.cli.progress import raise_error, show
from corral.cli.session import Session
from corral.client.images import Images

_ONE_PLATFORM = """
 Info -> Using --platform pushes only the specified platform manifest of a multi-platform image index.
         Other components, like attestations, will not be included.
         To push the complete multi-platform image, remove the --platform flag.
"""


def run(session: Session, options: Options, args: list[str]) -> int:
    ref = args[0]
    check(ref)
    if "@" in ref:
        raise CliError("cannot push a digest reference")
    repository, tag = split(ref)
    every_tag, quiet = options.switch("all-tags"), options.switch("quiet")
    platform = options.text("platform")
    if platform:
        session.out.line(_ONE_PLATFORM)
    if every_tag and tag:
        raise CliError("tag can't be used with --all-tags/-a")
    if not every_tag and not tag and not quiet:
        session.out.line("Using default tag: latest")
    session.out.flush()
    messages = Images(session.api).push(
        repository,
        "" if every_tag else tag or "latest",
        platform=_encoded(platform),
        auth=for_image(session.config, repository),
    )
    if quiet:
        for message in messages:
            raise_error(message)
        session.out.line(canonical(ref, tagged=not every_tag))
    else:
        show(messages)
    return 0


def _encoded(platform: str) -> str:
    """As the API has it. Raises CliError."""
    if not platform:
        return ""
    parts = platform.lower().split("/")
    if len(parts) > 3 or not all(parts):
        raise CliError(f'"{platform}": cannot parse platform specifier: invalid argument')
    return json.dumps(dict(zip(("os", "architecture", "variant"), parts, strict=False)))


COMMAND = Command(
    run,
    arguments="NAME[:TAG]",
    flags=(
        Flag("all-tags", "a", BOOL, "Push all tags of an image to the repository"),
        Flag("disable-content-trust", "", BOOL, "Skip image signing", default=True, hidden=True),
        Flag(
            "platform", "", STRING,
            "Push a platform-specific manifest as a single-platform image to the registry. Image index won't be"
            " pushed, meaning that other manifests, including attestations won't be preserved."
            " 'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)",
        ),
        Flag("quiet", "q", BOOL, "Suppress verbose output"),
    ),
    least=1,
    most=1,
)  # fmt: skip
