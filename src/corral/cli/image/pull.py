"""corral pull, and the pull that comes before a run."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.image.names import familiar, split
from corral.cli.kinds import BOOL, STRING
from corral.cli.output import error_line
from corral.cli.progress import raise_error, show
from corral.cli.session import Session
from corral.client.images import Images


def pull_image(session: Session, ref: str, *, platform: str, quiet: bool, fd: int, every_tag: bool = False) -> None:
    """Show the progress on ``fd``. Raises ClientError."""
    repository, tag = split(ref)
    messages = Images(session.api).pull(repository, "" if every_tag else tag or "latest", platform=platform)
    if quiet:
        for message in messages:
            raise_error(message)
    else:
        show(messages, fd)


def run(session: Session, options: Options, args: list[str]) -> int:
    ref = args[0]
    tag = split(ref)[1]
    every_tag = options.switch("all-tags")
    if every_tag and tag:
        raise CliError("tag can't be used with --all-tags/-a")
    if not every_tag and not tag and not options.switch("quiet"):
        error_line("Using default tag: latest")
    quiet = options.switch("quiet")
    pull_image(session, ref, platform=options.text("platform"), quiet=quiet, fd=1, every_tag=every_tag)
    session.out.line(_full(ref))
    return 0


def _full(ref: str) -> str:
    """The name with its registry, as docker prints it after a pull."""
    name = familiar(ref)
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


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
