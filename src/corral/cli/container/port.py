"""corral port."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.container.ports import host
from corral.cli.errors import CliError
from corral.cli.flags import Options
from corral.cli.kinds import go_quote
from corral.cli.session import Session
from corral.cli.text import natural
from corral.client.containers import Containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from corral.client.wire import PortBinding


def run(session: Session, _options: Options, args: list[str]) -> int:
    container = args[0]
    inspected = Containers(session.api).inspect(container)
    ports = inspected.get("NetworkSettings", {}).get("Ports") or {}
    if len(args) == 2:
        lines = _one(container, args[1], {port: found for port, found in ports.items() if found})
    else:
        lines = [f"{port} -> {shown}" for port, found in ports.items() for shown in _shown(found or [])]
    for line in sorted(lines, key=natural):
        session.out.line(line)
    return 0


def _one(container: str, wanted: str, ports: dict[str, list[PortBinding]]) -> list[str]:
    number, _, protocol = wanted.partition("/")
    protocol = protocol or "tcp"
    if not (number.isascii() and number.isdigit()):
        raise CliError(f"Error: invalid port ({number}): strconv.ParseUint: parsing {go_quote(number)}: invalid syntax")
    found = ports.get(f"{number}/{protocol}")
    if not found:
        raise CliError(f"Error: No public port '{number}/{protocol}' published for {container}")
    return list(_shown(found))


def _shown(bindings: Iterable[PortBinding]) -> Iterable[str]:
    return (f"{host(binding.get('HostIp', ''))}:{binding.get('HostPort', '')}" for binding in bindings)


COMMAND = Command(run, arguments="CONTAINER [PRIVATE_PORT[/PROTO]]", least=1, most=2)
