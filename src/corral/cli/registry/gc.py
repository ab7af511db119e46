"""corral registry gc."""

from __future__ import annotations

import os

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, STRING
from corral.cli.registry.kinds import DURATION
from corral.cli.registry.serve import DEFAULT_ROOT
from corral.cli.session import Session
from corral.cli.units import decimal_size


def run(session: Session, options: Options, _args: list[str]) -> int:
    from pathlib import Path

    from corral.registry.storage.collector import Plan, collect
    from corral.registry.storage.storage import Storage
    from corral.store.layout import RegistryRoot

    root = RegistryRoot(Path(os.path.abspath(options.text("root"))))
    if not root.database.exists():
        raise CliError(f"{root.root} is not the root of a registry")
    storage = Storage(root)
    try:
        done = collect(
            storage,
            Plan(
                grace=options.decimal("grace"),
                uploads=options.decimal("upload-timeout"),
                untagged=options.switch("untagged"),
                dry=options.switch("dry-run"),
            ),
        )
    finally:
        storage.close()
    session.out.line(f"Manifests: {done.manifests}")
    session.out.line(f"Blobs: {done.blobs}")
    session.out.line(f"Total reclaimed space: {decimal_size(done.size + done.uploads_size, 4)}")
    return 0


COMMAND = Command(
    run,
    flags=(
        Flag("dry-run", "", BOOL, "Only say what would go"),
        Flag("grace", "", DURATION, "Age at which unreferenced content is garbage", default=3600.0, shown="1h"),
        Flag("root", "", STRING, "Directory of the registry", default=DEFAULT_ROOT, shown=f'"{DEFAULT_ROOT}"'),
        Flag("untagged", "", BOOL, "Collect manifests that no tag leads to as well"),
        Flag(
            "upload-timeout", "", DURATION, "Time after which an upload is forgotten that nobody goes on with",
            default=86400.0, shown="24h",
        ),
    ),
    note="A registry may serve the directory meanwhile.",
    examples=(("What is not in use now, whatever its age", "corral registry gc --grace 0 --untagged"),),
)  # fmt: skip
