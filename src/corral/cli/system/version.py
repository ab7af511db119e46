"""corral version."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from corral import __version__
from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.help_formats import FORMATS
from corral.cli.kinds import STRING
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.api import NEWEST
from corral.client.errors import ClientError
from corral.client.system import System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import Version

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_WIDTH = 19


def client_version(api_version: str) -> dict[str, object]:
    """The client about itself, in docker's fields; Python takes the place of Go."""
    newest = "{}.{}".format(*NEWEST)
    machine = os.uname().machine
    return {
        "Version": __version__,
        "ApiVersion": api_version or newest,
        "DefaultAPIVersion": newest,
        "GitCommit": "",
        "GoVersion": f"python{sys.version.split()[0]}",
        "Os": sys.platform,
        "Arch": _MACHINES.get(machine, machine),
        "BuildTime": "",
        "Context": "default",
    }


def run(session: Session, options: Options, _args: list[str]) -> int:
    layout = options.text("format")
    template = _template(layout) if layout not in ("", "json") else ""
    failure = ""
    server: Version | None = None
    try:
        server = System(session.api).version()
    except (ClientError, CliError) as error:
        failure = str(error)
    client = client_version(session.api.version if server is not None else "")
    if layout == "":
        session.out.write(_text(client, server))
    else:
        _formatted(session, {"Client": client, "Server": server}, template)
    session.out.flush()
    if failure:
        error_line(failure)
        return 1
    return 0


def _template(layout: str) -> str:
    """Checked before the daemon is asked. Raises CliError."""
    from corral.cli.template import Template, TemplateError

    try:
        Template(layout)
    except TemplateError as error:
        shown = str(error).replace("template: :", "template: version:", 1)
        raise CliError(f"template parsing error: {shown}", exit_code=64) from None
    return layout


def _formatted(session: Session, value: dict[str, object], layout: str) -> None:
    from corral.cli.schema import typed
    from corral.cli.template import Template, TemplateError

    try:
        template = Template(layout or "{{json .}}", name="version")
        session.out.line(template.render(typed(value, "system.versionInfo")))
    except TemplateError as error:
        session.out.line()
        raise CliError(str(error)) from None


def _text(client: dict[str, object], server: Version | None) -> str:
    lines = ["Client:"]
    lines += _entries(
        (
            ("Version", client["Version"]),
            ("API version", client["ApiVersion"]),
            ("Python version", str(client["GoVersion"]).removeprefix("python")),
            ("OS/Arch", f"{client['Os']}/{client['Arch']}"),
            ("Context", client["Context"]),
        ),
        1,
    )
    if server is not None:
        lines += ["", "Server:" + _platform(server)]
        for component in server.get("Components") or []:
            lines.append(f" {component.get('Name', '')}:")
            lines += _entries(_component(component.get("Version", ""), component.get("Details") or {}), 2)
    return "\n".join(lines) + "\n"


def _platform(server: Version) -> str:
    name = server.get("Platform", {}).get("Name", "")
    return f" {name}" if name else ""


def _component(version: str, details: dict[str, str]) -> Iterable[tuple[str, object]]:
    yield "Version", version
    if "ApiVersion" in details:
        yield "API version", f"{details['ApiVersion']} (minimum version {details.get('MinAPIVersion', '')})"
        runtime = details.get("GoVersion", "")
        name = "Python version" if runtime.startswith("python") else "Go version"
        yield name, runtime.removeprefix("python")
    if details.get("GitCommit") or "ApiVersion" not in details:
        yield "GitCommit" if "ApiVersion" not in details else "Git commit", details.get("GitCommit", "")
    if details.get("BuildTime"):
        yield "Built", details["BuildTime"]
    if "Os" in details:
        yield "OS/Arch", f"{details['Os']}/{details.get('Arch', '')}"
    if "Experimental" in details:
        yield "Experimental", details["Experimental"]


def _entries(pairs: Iterable[tuple[str, object]], indent: int) -> list[str]:
    return [f"{' ' * indent}{name + ':':<{_WIDTH + 1 - indent}}{value}" for name, value in pairs]


COMMAND = Command(run, flags=(Flag("format", "f", STRING, FORMATS),))
