"""corral images, corral image ls."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.format import Column, View, write_list
from corral.cli.help_formats import FORMATS_TABLE
from corral.cli.image.rows import Item, items
from corral.cli.kinds import BOOL, FILTER, STRING
from corral.cli.session import Session
from corral.client.images import Images

COLUMNS = {
    "ID": Column("IMAGE ID", Item.id),
    "Repository": Column("REPOSITORY", lambda item: item.repository),
    "Tag": Column("TAG", lambda item: item.tag),
    "Digest": Column("DIGEST", lambda item: item.digest),
    "CreatedSince": Column("CREATED", Item.created_since),
    "CreatedAt": Column("CREATED AT", Item.created_at),
    "Size": Column("SIZE", Item.size),
    "Containers": Column("CONTAINERS", Item.containers),
    "VirtualSize": Column("VIRTUAL SIZE", Item.virtual_size),
    "SharedSize": Column("SHARED SIZE", Item.shared_size),
    "UniqueSize": Column("UNIQUE SIZE", Item.unique_size),
}


def _view(digests: bool) -> View:
    shown = ("Repository", "Tag", "Digest", "ID") if digests else ("Repository", "Tag", "ID")
    raw = [("repository", "Repository"), ("tag", "Tag")]
    raw += [("digest", "Digest")] if digests else []
    raw += [("image_id", "ID"), ("created_at", "CreatedAt"), ("virtual_size", "Size")]
    return View("*formatter.imageContext", COLUMNS, (*shown, "CreatedSince", "Size"), quiet="ID", raw=raw)


def run(session: Session, options: Options, args: list[str]) -> int:
    if options.switch("tree"):
        raise CliError("--tree: images are not multi-platform here, there is no tree to show")
    layout = options.text("format")
    if not layout and not options.switch("quiet"):
        layout = session.config.text("imagesFormat")
    filters = group(options.items("filter"))
    if args:
        filters.setdefault("reference", []).append(args[0])
    found = Images(session.api).list(all=options.switch("all"), filters=filters)
    digests = options.switch("digests") or ".Digest" in layout
    rows = items(found, truncate=not options.switch("no-trunc"), digests=digests)
    write_list(session.out, _view(options.switch("digests")), rows, layout, quiet=options.switch("quiet"))
    return 0


COMMAND = Command(
    run,
    arguments="[REPOSITORY[:TAG]]",
    flags=(
        Flag("all", "a", BOOL, "Show all images (default hides intermediate images)"),
        Flag("digests", "", BOOL, "Show digests"),
        Flag("filter", "f", FILTER, "Filter output based on conditions provided"),
        Flag("format", "", STRING, FORMATS_TABLE),
        Flag("no-trunc", "", BOOL, "Don't truncate output"),
        Flag("quiet", "q", BOOL, "Only show image IDs"),
        Flag("tree", "", BOOL, "List multi-platform images as a tree", hidden=True),
    ),
    most=1,
)
