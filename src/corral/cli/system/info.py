"""corral info."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.help_formats import FORMATS
from corral.cli.kinds import STRING
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.cli.system.version import client_version
from corral.client.errors import ClientError
from corral.client.system import System


def run(session: Session, options: Options, _args: list[str]) -> int:
    layout = options.text("format")
    failure = ""
    info: dict[str, object] = {}
    try:
        info = System(session.api).info()
    except (ClientError, CliError) as error:
        failure = str(error)
    client = client_version("")
    client = {"Debug": session.debug, **client, "Plugins": [], "Warnings": None}
    del client["ApiVersion"]
    if layout:
        _formatted(session, {**info, **({"ServerErrors": [failure]} if failure else {}), "ClientInfo": client}, layout)
    else:
        from corral.cli.system.infotext import text

        session.out.write(text(info, client))
        session.out.flush()
        for warning in _strings(info.get("Warnings")):
            error_line(warning)
    session.out.flush()
    if failure:
        error_line(failure)
        return 1
    return 0


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _formatted(session: Session, info: dict[str, object], layout: str) -> None:
    from corral.cli.schema import typed
    from corral.cli.template import Template, TemplateError

    try:
        template = Template("{{json .}}" if layout == "json" else layout)
    except TemplateError as error:
        raise CliError(f"template parsing error: {error}", exit_code=64) from None
    try:
        session.out.line(template.render(typed(info, "system.dockerInfo")))
    except TemplateError as error:
        session.out.line()
        raise CliError(str(error)) from None


COMMAND = Command(run, flags=(Flag("format", "f", STRING, FORMATS),))
