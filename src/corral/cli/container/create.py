"""corral create."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.container.create_flags import CREATE_FLAGS, pull_flag
from corral.cli.container.creation import create
from corral.cli.container.request import build
from corral.cli.errors import UsageError
from corral.cli.flags import Options
from corral.cli.session import Session


def run(session: Session, options: Options, args: list[str]) -> int:
    image, *command = args
    attach = set(options.items("attach")) or {"stdout", "stderr"}
    if options.switch("interactive") and not options.items("attach"):
        attach.add("stdin")
    try:
        request = build(options, image, command, attach=frozenset(attach), host=session.api.address.text)
    except UsageError as error:
        raise UsageError(f"corral: {error}", usage=error.usage) from None
    session.out.line(create(session, options, request, image))
    return 0


COMMAND = Command(
    run,
    arguments="IMAGE [COMMAND] [ARG...]",
    flags=(*CREATE_FLAGS, pull_flag("creating")),
    least=1,
    most=None,
    interspersed=False,
    examples=(("A container to start later", "corral create --name web -p 8080:80 busybox httpd -f"),),
)
