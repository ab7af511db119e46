"""The files that a container finds in /etc about itself: hostname, hosts, resolv.conf."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from corral.engine.container.checks.network import HOST_GATEWAY
from corral.engine.container.context import Engine
from corral.engine.container.joins import Joins
from corral.engine.container.links import host_lines
from corral.engine.container.record import ContainerRecord
from corral.engine.userns.storage import own
from corral.network.sandbox import Sandbox

__all__ = ["hosts", "resolv_conf", "write_files"]

_NAMES: Final = ("hostname", "hosts", "resolv.conf")
_HOSTS: Final = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n"
)
_FALLBACK_DNS: Final = ("8.8.8.8", "8.8.4.4")


def write_files(engine: Engine, record: ContainerRecord, sandbox: Sandbox | None, joins: Joins) -> dict[str, str]:
    """Writes them anew for a start; returns their paths by name. With another's network come its files."""
    owner = joins.network or record
    paths = {name: str(engine.data.container_etc(owner.id, name)) for name in _NAMES}
    if joins.network is not None:
        return {name: path for name, path in paths.items() if os.path.exists(path)}
    on_host = record.host_config.network_mode == "host"
    host_resolv = _read("/etc/resolv.conf")
    contents = {
        "hostname": record.config.hostname + "\n",
        "hosts": hosts(
            record,
            sandbox,
            _read("/etc/hosts") if on_host else _HOSTS,
            host_lines(record, engine.store.find) if record.host_config.links else (),
        ),
        "resolv.conf": resolv_conf(engine, record, host_resolv, own_network=sandbox is not None and not on_host),
    }
    for name, text in contents.items():
        _write(paths[name], text)
        own(paths[name], record.id_maps)
    return paths


def hosts(record: ContainerRecord, sandbox: Sandbox | None, base: str, linked: Iterable[str] = ()) -> str:
    """``base``, then ``--add-host``, linked containers, and the container's own addresses with its names."""
    lines = [base]
    gateway = next((endpoint.gateway for endpoint in sandbox.endpoints if endpoint.gateway), "") if sandbox else ""
    for entry in record.host_config.extra_hosts or ():
        name, _, address = entry.partition(":")
        address = address.removeprefix("[").removesuffix("]")
        if address == HOST_GATEWAY:
            address = gateway or "127.0.0.1"
        lines.append(f"{address}\t{name}\n")
    lines += linked
    config = record.config
    own = f"{config.hostname}.{config.domainname} {config.hostname}" if config.domainname else config.hostname
    for endpoint in sandbox.endpoints if sandbox else ():
        lines += [f"{address}\t{own}\n" for address in (endpoint.ip, endpoint.ipv6) if address]
    return "".join(lines)


def resolv_conf(engine: Engine, record: ContainerRecord, host: str, *, own_network: bool) -> str:
    """The host's, with what the container or the daemon says instead.

    The host's loopback servers cannot be reached from a network of one's own and are left out; when none remains,
    public ones stand in.
    """
    given, settings = record.host_config, engine.settings
    servers, search, options = _parse(host)
    if own_network:
        servers = [server for server in servers if not _is_loopback(server)]
    servers = list(given.dns or settings.dns or servers)
    if own_network and not servers:
        servers = list(_FALLBACK_DNS)
    search = list(given.dns_search or settings.dns_search or search)
    options = list(given.dns_options or settings.dns_options or options)
    lines = [f"nameserver {server}" for server in servers]
    if search and search != ["."]:
        lines.append(f"search {' '.join(search)}")
    if options:
        lines.append(f"options {' '.join(options)}")
    return "\n".join(lines) + "\n"


def _parse(text: str) -> tuple[list[str], list[str], list[str]]:
    """Servers, search domains and options of a resolv.conf(5)."""
    servers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        match line.split():
            case ["nameserver", server, *_]:
                servers.append(server)
            case ["search" | "domain", *domains]:
                search = domains
            case ["options", *more]:
                options += more
    return servers, search, options


def _is_loopback(server: str) -> bool:
    try:
        return ipaddress.ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _write(path: str, text: str) -> None:
    """In place: a running container's bind mount shows the file, not its name."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(fd, 0o644)
        os.write(fd, text.encode())
    finally:
        os.close(fd)
