"""``exec``: one more process in a container that runs."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from corral.errors import Conflict, Invalid
from corral.oci.runtime import Process
from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.command import console, container, filters
from corral.runtime.command.arguments import BOOL, LIST, NUMBER, TEXT, Flag, Options
from corral.runtime.command.bundle import decode
from corral.runtime.command.context import Context
from corral.runtime.command.creation import extra_descriptors, write_pid_file
from corral.runtime.command.foreground import Foreground
from corral.runtime.command.listener import sender
from corral.runtime.command.parley import Parley, StartFailure
from corral.runtime.command.records import check_id
from corral.runtime.init import spawn

__all__ = ["FLAGS", "USAGE", "describe", "run"]

FLAGS: Final = (
    Flag("console-socket", TEXT, "Unix socket that gets the terminal's master"),
    Flag("cwd", TEXT, "working directory"),
    Flag("env e", LIST, "variable, NAME=value"),
    Flag("tty t", BOOL, "with a terminal"),
    Flag("user u", TEXT, "uid[:gid], or names of the container's"),
    Flag("additional-gids g", LIST, "further group"),
    Flag("process p", TEXT, "file with the process as JSON"),
    Flag("detach d", BOOL, "leave it running"),
    Flag("pid-file", TEXT, "file to write the process id to"),
    Flag("process-label", TEXT, "SELinux label"),
    Flag("apparmor", TEXT, "AppArmor profile"),
    Flag("no-new-privs", BOOL, "no new privileges"),
    Flag("cap c", LIST, "further capability"),
    Flag("preserve-fds", NUMBER, "so many descriptors from 3 on are the process's too"),
    Flag("cgroup", LIST, "cgroup below the container's, [controllers:]path"),
    Flag("ignore-paused", BOOL, "let it wait in a paused container"),
    Flag("no-subreaper", BOOL, "accepted: orphans are not reaped here"),
)
USAGE: Final = "[flags] ID COMMAND [ARGUMENT...] | -p FILE ID"

_NOT_FOUND: Final = 255
_CAPABILITY_SETS: Final = ("bounding", "effective", "permitted")


def run(context: Context, options: Options) -> int:
    if not options.rest:
        raise Invalid(f'"corral-oci exec {USAGE}" requires a container id')
    found = container.find(context.root, check_id(options.rest[0]))
    _check_status(found, ignore_paused=options.bool("ignore-paused"))
    config = found.directory.config()
    spec = filters.stored(decode(config), found.directory)
    process = _decoded(describe(config.get("process") or {}, options))
    detached = options.bool("detach")
    console.check(options, terminal=process.terminal, detached=detached)
    foreground = None if detached else Foreground()
    send = console.sender(options.text("console-socket")) or (foreground.console if foreground else None)
    pidfd = found.open_process()
    if pidfd is None:
        raise Conflict("cannot exec in a stopped container")
    cgroup = _cgroup(found, options.list("cgroup"))
    if spec.linux.intel_rdt is not None:
        from corral.runtime.command.rdt import with_rdt

        with_rdt(cgroup, spec.linux.intel_rdt, found.id)
    child = spawn.spawn_exec(
        pidfd,
        process,
        fds=extra_descriptors(options),
        cgroup=cgroup,
        spec=spec,
        options=spawn.Options(id=found.id),
    )
    try:
        write_pid_file(options.text("pid-file"), child.pid)
        listener = sender(lambda: spec, found.id, child.pid, "running", found.recorded().bundle)
        Parley(child.sync, context.warning, send, listener=listener).go()
    except StartFailure as error:
        os.waitpid(child.pid, 0)
        context.error(error.message)
        return _NOT_FOUND
    return foreground.stay(child.pid, child.pidfd) if foreground is not None else 0


def _check_status(found: container.Container, *, ignore_paused: bool) -> None:
    status = found.status()
    if status == container.STOPPED:
        raise Conflict("cannot exec in a stopped container")
    if status == container.CREATING:
        raise Conflict("cannot exec in a container that is being created")
    if status == container.PAUSED and not ignore_paused:
        raise Conflict("cannot exec in a paused container (use --ignore-paused to override)")


def describe(first: dict[str, Any], options: Options) -> dict[str, Any]:
    """The process as JSON: that of --process, or the container's ``first`` with what the flags change."""
    if options.has("process"):
        return _read(options.text("process"))
    if len(options.rest) < 2:
        raise Invalid("process args cannot be empty")
    process = {**first, "args": options.rest[1:], "terminal": options.bool("tty")}
    if options.has("cwd"):
        process["cwd"] = options.text("cwd")
    process["env"] = [*(first.get("env") or []), *options.list("env")]
    if options.has("user"):
        process["user"] = {**_user(options.text("user")), "umask": (first.get("user") or {}).get("umask")}
    if options.has("additional-gids"):
        user = dict(process.get("user") or {})
        user["additionalGids"] = [*(user.get("additionalGids") or []), *map(_gid, options.list("additional-gids"))]
        process["user"] = user
    if options.has("no-new-privs"):
        process["noNewPrivileges"] = options.bool("no-new-privs")
    if options.has("apparmor"):
        process["apparmorProfile"] = options.text("apparmor")
    if options.has("process-label"):
        process["selinuxLabel"] = options.text("process-label")
    if options.has("cap"):
        process["capabilities"] = _more(first.get("capabilities") or {}, options.list("cap"))
    return process


def _more(sets: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """As runc: not the inheritable ones, and so no ambient ones (CVE-2022-24769)."""
    return {**sets, **{name: [*(sets.get(name) or []), *names] for name in _CAPABILITY_SETS}}


def _user(text: str) -> dict[str, Any]:
    uid, colon, gid = text.partition(":")
    if uid.isdigit() and (not colon or gid.isdigit()):
        return {"uid": int(uid), "gid": int(gid or 0)}
    return {"username": text}


def _gid(text: str) -> int:
    if not text.isdigit():
        raise Invalid(f"invalid group id: {text}")
    return int(text)


def _read(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        try:
            process = json.load(file)
        except ValueError as error:
            raise Invalid(f"{path}: {error}") from error
    if not isinstance(process, dict):
        raise Invalid(f"{path}: not an object")
    return process


def _decoded(process: dict[str, Any]) -> Process:
    try:
        return Process.from_json(process)
    except ValueError as error:
        raise Invalid(f"process: {error}") from error


def _cgroup(found: container.Container, below: list[str]) -> Cgroup:
    """``below``: as --cgroup has it; naming controllers is accepted, all of them move. Raises Invalid."""
    cgroup: Cgroup = found.cgroup()
    path = cgroup.path
    for text in below:
        _, _, sub = text.rpartition(":")
        path = f"{cgroup.path}/{sub.strip('/')}".rstrip("/")
    return cgroup if path == cgroup.path else Cgroup.at(Hierarchies.of_host(), path)
