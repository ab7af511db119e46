"""corral rmi, corral image rm."""

from __future__ import annotations

import json

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, LIST
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.errors import ApiError, ClientError
from corral.client.images import Images


def run(session: Session, options: Options, args: list[str]) -> int:
    images = Images(session.api)
    force = options.switch("force")
    platforms = [json.dumps(_platform(text)) for text in options.items("platform")]
    errors: list[str] = []
    fatal = False
    for name in args:
        try:
            removed = images.remove(name, force=force, no_prune=options.switch("no-prune"), platforms=platforms)
        except ClientError as error:
            fatal = fatal or not (isinstance(error, ApiError) and error.status == 404)
            errors.append(str(error))
            continue
        for item in removed:
            if "Deleted" in item:
                session.out.line(f"Deleted: {item['Deleted']}")
            else:
                session.out.line(f"Untagged: {item.get('Untagged', '')}")
    session.out.flush()
    for line in errors:
        error_line(line)
    return bool(errors) and (fatal or not force)


def _platform(text: str) -> dict[str, str]:
    parts = [*text.split("/"), "", ""]
    return {name: value for name, value in zip(("os", "architecture", "variant"), parts, strict=False) if value}


COMMAND = Command(
    run,
    arguments="IMAGE [IMAGE...]",
    flags=(
        Flag("force", "f", BOOL, "Force removal of the image"),
        Flag("no-prune", "", BOOL, "Do not delete untagged parents"),
        Flag(
            "platform", "", LIST,
            'Remove only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
        ),
    ),
    least=1,
    most=None,
)  # fmt: skip
