"""corral pull, and the pull that comes before a run."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.credentials.header import for_image
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.image.names import canonical, check, split
from corral.cli.kinds import BOOL, STRING
from corral.cli.progress import raise_error, show
from corral.cli.session import Session
from corral.client.images import Images


def pull_image(session: Session, ref: str, *, platform: str, quiet: bool, fd: int, every_tag: bool = False) -> None:
    """Show the progress on ``fd``. Raises ClientError."""
    repository, tag = split(ref)
    messages = Images(session.api).pull(
        repository,
        "" if every_tag else tag or "latest",
        platform=platform,
        auth=for_image(session.config, repository),
    )
    if quiet:
        for message in messages:
            raise_error(message)
    else:
        show(messages, fd)


def run(session: Session, options: Options, args: list[str]) -> int:
    ref = args[0]
    check(ref)
    tag = split(ref)[1]
    every_tag, quiet = options.switch("all-tags"), options.switch("quiet")
    if every_tag and tag:
        raise CliError("tag can't be used with --all-tags/-a")
    if not every_tag and not tag and not quiet:
        session.out.line("Using default tag: latest")
        session.out.flush()
    pull_image(session, ref, platform=options.text("platform"), quiet=quiet, fd=1, every_tag=every_tag)
    session.out.line(canonical(ref, tagged=not every_tag))
    return 0


COMMAND = Command(
    run,
    arguments="NAME[:TAG|@DIGEST]",
    flags=(
        Flag("all-tags", "a", BOOL, "Download all tagged images in the repository"),
        Flag("disable-content-trust", "", BOOL, "Skip image verification", default=True, hidden=True),
        Flag("platform", "", STRING, "Set platform if server is multi-platform capable"),
        Flag("quiet", "q", BOOL, "Suppress verbose output"),
    ),
    least=1,
    most=1,
)
