"""corral cgroups: what lssubsys and lscgroup told, for the engine's containers."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.help_formats import FORMATS
from corral.cli.kinds import BOOL, STRING
from corral.cli.session import Session
from corral.cli.table import align
from corral.cli.text import short_id
from corral.client.system import System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.wire import CgroupContainer, CgroupHierarchy, Cgroups


def run(session: Session, options: Options, args: list[str]) -> int:
    layout = options.text("format")
    found = System(session.api).cgroups(args)
    if layout:
        _formatted(session, found, layout)
        return 0
    if not args:
        session.out.line(f"Cgroup version: {found['Version']}, driver: {found['Driver']}, parent: {found['Parent']}")
        session.out.line()
        session.out.write(align(hierarchies(found["Hierarchies"])))
        session.out.line()
    session.out.write(align(containers(found["Containers"], truncate=not options.switch("no-trunc"))))
    return 0


def hierarchies(found: list[CgroupHierarchy]) -> list[str]:
    lines = ["VERSION\tMOUNT POINT\tCONTROLLERS"]
    return lines + [f"{h['Version']}\t{h['MountPoint']}\t{','.join(h['Controllers']) or '-'}" for h in found]


def containers(found: list[CgroupContainer], *, truncate: bool) -> list[str]:
    """A line for each directory; groups inside a container are indented below it."""
    lines = ["CONTAINER ID\tNAME\tVERSION\tCONTROLLERS\tPROCESSES\tDIRECTORY"]
    for container in found:
        id = short_id(container["Id"]) if truncate else container["Id"]
        if not container["Groups"]:
            lines.append(f"{id}\t{container['Name']}\t-\t-\t0\t{container['Path']} ({container['State']})")
        for group in container["Groups"]:
            controllers = ",".join(group["Controllers"]) or "-"
            numbers = f"{group['Version']}\t{controllers}\t{group['Processes']}"
            lines.append(f"{id}\t{container['Name']}\t{numbers}\t{group['Directory']}")
            lines += [f"\t\t\t\t\t  {nested}" for nested in group["Nested"]]
    return lines


def _formatted(session: Session, found: Cgroups, layout: str) -> None:
    from corral.cli.schema import typed
    from corral.cli.template import Template, TemplateError

    try:
        template = Template("{{json .}}" if layout == "json" else layout)
    except TemplateError as error:
        raise CliError(f"template parsing error: {error}", exit_code=64) from None
    try:
        session.out.line(template.render(typed(found, "corral.Cgroups")))
    except TemplateError as error:
        raise CliError(str(error)) from None


COMMAND = Command(
    run,
    arguments="[CONTAINER...]",
    most=None,
    flags=(
        Flag("format", "f", STRING, FORMATS),
        Flag("no-trunc", "", BOOL, "Don't truncate output"),
    ),
    examples=(
        ("Where one container lives", "corral cgroups web"),
        (
            "Its directory in the memory controller",
            "corral cgroups -f '{{range .Containers}}{{range .Groups}}{{.Directory}}{{println}}{{end}}{{end}}' web",
        ),
    ),
)
