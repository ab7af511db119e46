"""corral ns: which containers share which namespace."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.flags import Flag, Options
from corral.cli.format import Column, View, write_list
from corral.cli.help_formats import FORMATS_TABLE
from corral.cli.kinds import BOOL, STRING
from corral.cli.session import Session
from corral.client.containers import Containers
from corral.client.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from corral.client.wire import ContainerInspect


class Shared:
    """One namespace: ``name`` as /proc/PID/ns shows it, "pid:[4026531836]"; ``host``: it is the host's own."""

    __slots__ = ("containers", "host", "name")

    def __init__(self, name: str, host: bool) -> None:
        self.name = name
        self.host = host
        self.containers: list[str] = []

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]

    @property
    def inode(self) -> str:
        return self.name.partition("[")[2].rstrip("]")


VIEW = View(
    "*formatter.namespaceContext",
    {
        "Type": Column("TYPE", lambda shared: shared.kind),
        "Inode": Column("INODE", lambda shared: shared.inode),
        "Host": Column("HOST", lambda shared: "yes" if shared.host else "no"),
        "Containers": Column("CONTAINERS", lambda shared: ",".join(shared.containers)),
        "Count": Column("COUNT", lambda shared: str(len(shared.containers))),
    },
    ("Type", "Inode", "Host", "Containers"),
    quiet="Inode",
    raw=(("type", "Type"), ("inode", "Inode"), ("host", "Host"), ("containers", "Containers")),
)


def run(session: Session, options: Options, args: list[str]) -> int:
    containers = Containers(session.api)
    found = _inspected(containers, args)
    rows = shared_by(found)
    if options.switch("shared"):
        rows = [row for row in rows if row.host or len(row.containers) > 1]
    write_list(session.out, VIEW, rows, options.text("format"), quiet=options.switch("quiet"))
    return 0


def _inspected(containers: Containers, names: list[str]) -> list[ContainerInspect]:
    if names:
        return [containers.inspect(name) for name in names]
    found = []
    for one in containers.list():
        try:
            found.append(containers.inspect(one["Id"]))
        except ApiError as error:
            if error.status != 404:  # gone meanwhile
                raise
    return found


def shared_by(containers: Iterable[ContainerInspect]) -> list[Shared]:
    """By kind; those with most containers first."""
    found: dict[str, Shared] = {}
    for container in containers:
        state = container["State"]
        for kind, name in (state.get("Namespaces") or {}).items():
            shared = found.setdefault(name, Shared(name, kind in (state.get("HostNamespaces") or ())))
            shared.containers.append(container["Name"].lstrip("/"))
    for shared in found.values():
        shared.containers.sort()
    return sorted(found.values(), key=lambda shared: (shared.kind, -len(shared.containers), shared.containers))


COMMAND = Command(
    run,
    arguments="[CONTAINER...]",
    most=None,
    flags=(
        Flag("format", "", STRING, FORMATS_TABLE),
        Flag("quiet", "q", BOOL, "Only display inode numbers"),
        Flag("shared", "s", BOOL, "Only those that several containers or the host share"),
    ),
    examples=(
        ("Who shares what with whom", "corral ns --shared"),
        ("The namespaces of one container", "corral ns web"),
    ),
)
