"""corral commit."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.image.names import split
from corral.cli.image.tag import problem
from corral.cli.kinds import BOOL, LIST, STRING
from corral.cli.session import Session
from corral.client.containers import Containers


def run(session: Session, options: Options, args: list[str]) -> int:
    repository, tag = split(args[1]) if len(args) == 2 else ("", "")
    wrong = problem(repository, "" if tag.startswith("sha256:") else tag) if repository else ""
    if wrong:
        raise CliError(wrong)
    if tag.startswith("sha256:"):
        raise CliError("refusing to create a tag with a digest reference")
    image_id = Containers(session.api).commit(
        args[0],
        repository=repository,
        tag=tag,
        author=options.text("author"),
        comment=options.text("message"),
        changes=options.items("change"),
        pause=options.switch("pause"),
    )
    session.out.line(image_id)
    return 0


COMMAND = Command(
    run,
    arguments="CONTAINER [REPOSITORY[:TAG]]",
    flags=(
        Flag("author", "a", STRING, 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
        Flag("change", "c", LIST, "Apply Dockerfile instruction to the created image"),
        Flag("message", "m", STRING, "Commit message"),
        Flag("pause", "p", BOOL, "Pause container during commit", default=True, shown="true"),
    ),
    least=1,
    most=2,
    examples=(("What was installed by hand, as an image", 'corral commit -m "with vim" -c "CMD vim" box vim:1'),),
)
