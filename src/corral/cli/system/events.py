"""corral events."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.filters import group
from corral.cli.flags import Flag, Options
from corral.cli.help_formats import FORMATS
from corral.cli.kinds import FILTER, STRING
from corral.cli.moments import timestamp
from corral.cli.session import Session
from corral.client.events import Events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import Event


def run(session: Session, options: Options, _args: list[str]) -> int:
    layout = options.text("format")
    template = None
    if layout and layout != "json":
        from corral.cli.template import Template, TemplateError

        try:
            template = Template(layout)
        except TemplateError as error:
            raise CliError(f"Error parsing format: {error}", exit_code=64) from None
    stream = Events(session.api).stream(
        since=timestamp(options.text("since")),
        until=timestamp(options.text("until")),
        filters=group(options.items("filter")),
    )
    for event in stream:
        if template is not None:
            from corral.cli.schema import typed
            from corral.cli.template import TemplateError

            try:
                session.out.line(template.render(typed(event, "events.Message")))
            except TemplateError as error:
                shown = str(error).replace("type events.Message", "type *events.Message")
                raise CliError(f"Error parsing format: {shown}", exit_code=64) from None
        elif layout == "json":
            from corral.cli.template.values import encode

            session.out.line(encode_in_order(event) if isinstance(event, dict) else encode(event))
        else:
            session.out.line(line(event))
        session.out.flush()
    return 0


def encode_in_order(event: Event) -> str:
    """As it came: docker passes its own struct on."""
    import json

    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def line(event: Event) -> str:
    """``2024-01-02T03:04:05.000000006+01:00 container start ID (image=busybox, name=web)``."""
    actor = event.get("Actor", {})
    attributes = ", ".join(f"{name}={value}" for name, value in sorted((actor.get("Attributes") or {}).items()))
    shown = f" ({attributes})" if attributes else ""
    return f"{_moment(event)} {event.get('Type', '')} {event.get('Action', '')} {actor.get('ID', '')}{shown}"


def _moment(event: Event) -> str:
    import time

    from corral.cli.units import zone_offset

    nanoseconds = event.get("timeNano") or event.get("time", 0) * 10**9
    seconds, fraction = divmod(nanoseconds, 10**9)
    local = time.localtime(seconds)
    offset = zone_offset(local.tm_gmtoff)
    zone = "Z" if local.tm_gmtoff == 0 else f"{offset[:3]}:{offset[3:]}"
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', local)}.{fraction:09}{zone}"


COMMAND = Command(
    run,
    flags=(
        Flag("filter", "f", FILTER, "Filter output based on conditions provided"),
        Flag("format", "", STRING, FORMATS),
        Flag("since", "", STRING, "Show all events created since timestamp"),
        Flag("until", "", STRING, "Stream events until this timestamp"),
    ),
    examples=(
        ("What happened to one container in the last hour", "corral events --since 1h --until 0s -f container=web"),
    ),
)
