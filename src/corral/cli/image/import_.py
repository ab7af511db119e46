"""corral import."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.image.names import split
from corral.cli.image.tag import problem
from corral.cli.image.upload import Upload, open_archive
from corral.cli.kinds import LIST, STRING
from corral.cli.progress import show
from corral.cli.session import Session
from corral.client.images import Images


def run(session: Session, options: Options, args: list[str]) -> int:
    source = args[0]
    remote = source.startswith(("http://", "https://", "ftp://"))
    fd = -1 if remote else 0 if source == "-" else open_archive(source)
    repository, tag = split(args[1]) if len(args) == 2 else ("", "")
    wrong = problem(repository, tag) if repository else ""
    if wrong:
        raise CliError(wrong)
    with Upload(fd, "Importing", bar=source != "-" and not remote) as upload:
        messages = Images(session.api).import_(
            source if remote else "-",
            None if remote else upload.blocks(),
            repository=repository,
            tag=tag,
            message=options.text("message"),
            changes=options.items("change"),
            platform=options.text("platform"),
        )
    show(messages)
    return 0


COMMAND = Command(
    run,
    arguments="file|URL|- [REPOSITORY[:TAG]]",
    flags=(
        Flag("change", "c", LIST, "Apply Dockerfile instruction to the created image"),
        Flag("message", "m", STRING, "Set commit message for imported image"),
        Flag("platform", "", STRING, "Set platform if server is multi-platform capable"),
    ),
    least=1,
    most=2,
    interspersed=True,
    examples=(("A directory as an image", "tar -C rootfs -c . | corral import -c 'CMD [\"/bin/sh\"]' - mine:1"),),
)
