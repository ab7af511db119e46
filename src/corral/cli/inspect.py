"""corral inspect: whatever has that name: a container, else an image, a network, a volume."""

from __future__ import annotations

from collections.abc import Callable

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.help_formats import FORMATS
from corral.cli.inspecting import Found, inspect
from corral.cli.kinds import BOOL, STRING, go_quote
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.errors import ApiError

TYPES = ("container", "image", "network", "volume")


def run(session: Session, options: Options, args: list[str]) -> int:
    wanted, size = options.text("type"), options.switch("size")
    if wanted and wanted not in TYPES:
        raise CliError(f"unknown type: {go_quote(wanted)}: must be one of " + ", ".join(map(go_quote, TYPES)))
    if "type" in options.changed and not wanted:
        raise CliError("type is empty: must be one of " + ", ".join(map(go_quote, TYPES)))

    def find(ref: str) -> Found:
        for kind in [wanted] if wanted else TYPES:
            try:
                found = finder(session, kind, size=size)(ref)
            except ApiError as error:
                if not wanted and _try_next(error):
                    continue
                raise
            if size and kind != "container":
                error_line(f"WARNING: --size ignored for {kind}")
            return found
        raise CliError(f"Error: No such object: {ref}")

    return inspect(session, args, options.text("format"), find)


def _try_next(error: ApiError) -> bool:
    """Not an object of this kind; some kinds call a name that cannot be one of theirs a bad request."""
    return error.status in (400, 404) or "invalid reference" in error.message


def finder(session: Session, kind: str, *, size: bool = False, verbose: bool = False) -> Callable[[str], Found]:
    """How to get one object of ``kind`` by its reference."""
    api = session.api
    if kind == "container":
        from corral.client.containers import Containers

        return lambda ref: Found(Containers(api).inspect_raw(ref, size=size), "container.InspectResponse")
    if kind == "image":
        from corral.client.images import Images

        return lambda ref: Found(Images(api).inspect_raw(ref), "image.InspectResponse")
    if kind == "network":
        from corral.client.networks import Networks

        return lambda ref: Found(Networks(api).inspect_raw(ref, verbose=verbose), "network.Inspect")
    from corral.client.volumes import Volumes

    return lambda ref: Found(Volumes(api).inspect_raw(ref), "volume.Volume")


FORMAT = Flag("format", "f", STRING, FORMATS)

COMMAND = Command(
    run,
    arguments="NAME|ID [NAME|ID...]",
    flags=(
        FORMAT,
        Flag("size", "s", BOOL, "Display total file sizes if the type is container"),
        Flag("type", "", STRING, "Only inspect objects of the given type"),
    ),
    least=1,
    most=None,
    examples=(
        (
            "Addresses by network",
            "corral inspect -f '{{range $n, $e := .NetworkSettings.Networks}}{{$n}} {{$e.IPAddress}}{{end}}' web",
        ),
    ),
)
