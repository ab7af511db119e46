"""From a bundle to a first process that waits to become its program; ``create`` and ``run`` have it in common."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Final

from corral.errors import Conflict, CorralError, Invalid
from corral.linux.fd import CLOSE_RANGE_CLOEXEC, close_range
from corral.oci.runtime import Spec
from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.command import bundle as bundles
from corral.runtime.command import container, filters, procfs
from corral.runtime.command.arguments import BOOL, NUMBER, TEXT, Flag, Options
from corral.runtime.command.context import Context
from corral.runtime.command.devices import with_defaults
from corral.runtime.command.lifecycle import POSTSTOP, run_hooks
from corral.runtime.command.listener import sender
from corral.runtime.command.parley import Parley
from corral.runtime.command.records import CONFIG, Directory, Record, Records
from corral.runtime.init import hooks, spawn

__all__ = ["FLAGS", "Birth", "extra_descriptors", "write_pid_file"]

FLAGS: Final = (
    Flag("bundle b", TEXT, "the bundle's directory (the current one)"),
    Flag("console-socket", TEXT, "Unix socket that gets the terminal's master"),
    Flag("pid-file", TEXT, "file to write the process id to"),
    Flag("preserve-fds", NUMBER, "so many descriptors from 3 on are the process's too"),
    Flag("no-pivot", BOOL, "do not use pivot_root(2), for a root on a ramdisk"),
    Flag("no-new-keyring", BOOL, "stay in the caller's session keyring"),
)

Console = Callable[[int], None]


class Birth:
    """A container on its way into the world. Used as a context: until ``keep`` was called nothing of it remains."""

    def __init__(
        self, context: Context, options: Options, id: str, bundle: bundles.Bundle, *, trampoline: bool = False
    ) -> None:
        """``trampoline``: this interpreter is not sealed. Raises Invalid, Conflict, OSError."""
        self._context = context
        self._undo = ExitStack()
        with ExitStack() as undo:
            self.bundle = bundle
            spec = bundle.spec
            self.directory = _claim(context, id)
            undo.callback(self.directory.remove)
            self.directory.write(CONFIG, self.bundle.text)
            cgroup_path = _cgroup_path(context, spec, id)
            self.spec = spec
            told = filters.compiled(spec, self.directory)
            self._cgroup = Cgroup.at(Hierarchies.of_host(), cgroup_path, everything=True)
            if spec.linux.intel_rdt is not None:
                from corral.runtime.command.rdt import with_rdt

                with_rdt(self._cgroup, spec.linux.intel_rdt, id)
            undo.callback(self._cgroup.delete)
            for warning in self._cgroup.create(with_defaults(spec.linux.resources), spec.annotations):
                context.debug(warning)
            self.child = spawn.spawn_container(
                told,
                (),
                fds=extra_descriptors(options),
                cgroup=self._cgroup,
                bundle=self.bundle.path,
                options=spawn.Options(
                    id=id,
                    no_pivot=options.bool("no-pivot"),
                    no_new_keyring=options.bool("no-new-keyring"),
                    trampoline=trampoline,
                ),
            )
            self._cgroup.entered(self.child.pid)
            undo.callback(self._kill)
            self._undo = undo.pop_all()
        self._record = Record(
            pid=self.child.pid,
            ticks=procfs.ticks_of(self.child.pid),
            created=time.time_ns(),
            bundle=self.bundle.path,
            rootfs=self.bundle.rootfs,
            cgroup=self._cgroup.place,
            own_pids=any(n.type == "pid" and not n.path for n in spec.linux.namespaces),
            pending=False,
            annotations=spec.annotations,
        )

    def __enter__(self) -> Birth:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Undone is what was not kept, in reverse; then the hooks that come after an end, however it came."""
        undone = kind is not None
        with suppress(OSError, CorralError):
            self._undo.close()
        if undone:
            run_hooks(self._context, POSTSTOP, self.directory.id, 0, self.bundle.path, self.spec)

    def parley(self, console: Console | None) -> Parley:
        listener = sender(lambda: self.spec, self.directory.id, self.child.pid, "creating", self.bundle.path)
        return Parley(self.child.sync, self._context.warning, console, self._answer_hooks, listener)

    def record(self, *, pending: bool) -> None:
        """Make it known to other commands."""
        self._record.pending = pending
        self.directory.save(self._record)

    def keep(self) -> None:
        self._undo.pop_all()

    def _answer_hooks(self) -> bytes:
        assert self.spec.hooks is not None
        facts = hooks.state(self.directory.id, "creating", self.child.pid, self.bundle.path, self.spec.annotations)
        return hooks.answer(self.spec.hooks, facts)

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.child.pidfd, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self.child.pid, 0)


def extra_descriptors(options: Options) -> spawn.ProcessFds:
    """Our standard streams, those of socket activation (sd_listen_fds(3)) and of --preserve-fds. Raises Invalid."""
    wanted = options.number("preserve-fds")
    listen = 0
    if os.environ.get("LISTEN_FDS"):
        with suppress(ValueError):
            listen = max(0, int(os.environ["LISTEN_FDS"]))
    if wanted < 0:
        raise Invalid("--preserve-fds must not be negative")
    extra = tuple(range(3, 3 + listen + wanted))
    for fd in extra:
        # What the caller gave came through an execve; what has its number but ends with one is ours.
        try:
            given = os.get_inheritable(fd)
        except OSError:
            given = False
        if not given:
            raise Invalid(f"--preserve-fds: file descriptor {fd} is not open")
    # What the caller has open besides is nobody's business: not the hooks', which are programs, nor the container's
    # (CVE-2024-21626).
    close_range(3 + len(extra), flags=CLOSE_RANGE_CLOEXEC)
    return spawn.ProcessFds(0, 1, 2, extra=extra, listen=listen)


def write_pid_file(path: str, pid: int) -> None:
    """Atomically: the caller watches for it."""
    if not path:
        return
    directory, name = os.path.split(os.path.abspath(path))
    temporary = f"{directory}/.{name}"
    with suppress(FileNotFoundError):
        os.unlink(temporary)  # left by one that was killed
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.write(fd, str(pid).encode())
    finally:
        os.close(fd)
    os.rename(temporary, path)


def _claim(context: Context, id: str) -> Directory:
    """A new state directory, locked. What a killed creation has left under the same id is removed. Raises Conflict."""
    records = Records(context.root)
    for _ in range(2):
        directory = records.make(id)
        if directory is not None:
            return directory
        found = container.find(context.root, id)
        if found.record is None and found.directory.lock(wait=False) and found.directory.record() is None:
            remove_leftovers(context, found.directory)
            continue
        break
    raise Conflict("container with given ID already exists")


def remove_leftovers(context: Context, directory: Directory) -> None:
    """Of a creation that was killed: its process has ended or is in its cgroup."""
    with suppress(OSError, ValueError, CorralError):
        spec = bundles.decode(directory.config())
        cgroup = Cgroup.at(Hierarchies.of_host(), _cgroup_path(context, spec, directory.id))
        if spec.linux.intel_rdt is not None:
            from corral.runtime.command.rdt import with_rdt

            with_rdt(cgroup, spec.linux.intel_rdt, directory.id)
        cgroup.delete()
    directory.remove()


def _cgroup_path(context: Context, spec: Spec, id: str) -> str:
    """What ``Cgroup.at`` takes: a path below each hierarchy, or slice:prefix:name. Raises Invalid."""
    path = spec.linux.cgroups_path
    if not context.systemd:
        return f"/{path.strip('/') or id}"
    from corral.runtime.cgroups.systemd import names

    path = path or f":corral:{id}"
    names.parse(path)
    return path
