"""``--link``: names of other containers in a container's hosts file. The older way, from before networks had names.

A link is "REF", "REF:ALIAS", or "/NAME:/OWN/ALIAS", as inspect shows it. Docker's environment variables about the other
container's ports are not made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from corral.engine.container.record import ContainerRecord
from corral.errors import Conflict, Invalid, NotFound

__all__ = ["host_lines", "resolved"]


def resolved(links: Iterable[str], own: str, find: Callable[[str], ContainerRecord]) -> list[str]:
    """As they are recorded. Raises Invalid when there is no such container or a link is malformed."""
    result = []
    for link in links:
        ref, alias = _parse(link)
        try:
            donor = find(ref)
        except NotFound as error:
            raise Invalid(f"could not get container for {ref}: {error.message}") from error
        result.append(f"/{donor.name}:/{own}/{alias}")
    return result


def host_lines(record: ContainerRecord, find: Callable[[str], ContainerRecord]) -> list[str]:
    """Lines of hosts(5) for a start. Raises Conflict when one of them does not run."""
    lines = []
    for link in record.host_config.links or ():
        ref, alias = _parse(link)
        donor = find(ref)
        if not donor.status.has_process:
            raise Conflict(f"Cannot link to a non running container: /{donor.name} AS /{record.name}/{alias}")
        network = donor.state.network
        names = dict.fromkeys((alias, donor.config.hostname, donor.name))
        if network is not None and network.ip_address:
            lines.append(f"{network.ip_address}\t{' '.join(names)}\n")
    return lines


def _parse(link: str) -> tuple[str, str]:
    """(reference, alias)."""
    ref, _, alias = link.removeprefix("/").partition(":")
    alias = alias.rpartition("/")[2] or ref
    if not ref or ":" in alias:
        raise Invalid(f"bad format for links: {link}")
    return ref, alias
