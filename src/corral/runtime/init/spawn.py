"""The door: clone a container's first process, or one more process of a container, and let it set itself up.

Called in the supervisor, which has one thread. Nothing here waits: the child reports on ``Child.sync``, see
``messages``. The caller owns what a ``Child`` holds: the pid to be reaped, the pidfd and the socket to be closed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

from corral.errors import Conflict
from corral.linux import fd as descriptors
from corral.linux import namespace, pidfd, prctl, sigmask
from corral.linux.clone import CLONE_CLEAR_SIGHAND, clone3
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Process, Spec
from corral.runtime.init import setns, standard
from corral.runtime.init.cgroupfs import Place
from corral.runtime.init.failure import OTHER, SetupError, exit_code_of, reason, step
from corral.runtime.init.manner import like_the_first, manner_of
from corral.runtime.init.mapped import Prepared
from corral.runtime.init.messages import Sync
from corral.runtime.init.plan import ContainerPlan, Options, make_plan
from corral.runtime.security.seccomp import load
from corral.runtime.security.seccomp.load import Filter

if TYPE_CHECKING:  # few need it
    from corral.runtime.init.birth import Birth

__all__ = ["CgroupPlace", "Child", "Options", "ProcessFds", "spawn_container", "spawn_exec"]

_ABOVE_STDIO: Final = 3
_TRIES: Final = 3
_PLAIN: Final = Options()
_PATIENCE: Final = 20.0
"""Seconds that a source of a container with a user namespace may take to be opened: a file system may hang."""

_former_importers: Final[list[object]] = []
"""In a child only. Taking them apart would copy a page of the supervisor's memory for each of their parts."""


class CgroupPlace(Protocol):
    """What a child needs to know of its cgroup; ``corral.runtime.cgroups.Cgroup`` is one.

    ``path``: below the mount point of each hierarchy.
    """

    path: str

    def procs_files(self) -> list[str]:
        """The ``cgroup.procs`` files to join, version 1."""

    def open_v2(self) -> int | None:
        """A new descriptor of the version 2 directory to be born in, if there is one."""


@dataclass(frozen=True, slots=True)
class ProcessFds:
    """The process's standard streams: duplicated, not taken over. Not used when ``Process.terminal``: then a pty is
    opened in the container's own devpts and its master is sent. ``extra``: its descriptors 3 and following, the first
    ``listen`` of them announced in LISTEN_FDS and LISTEN_PID."""

    stdin: int = -1
    stdout: int = -1
    stderr: int = -1
    extra: tuple[int, ...] = field(default=(), kw_only=True)
    listen: int = field(default=0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Child:
    """``pid``: as the caller sees it, its direct child; ``pidfd``: close-on-exec; ``sync``: blocking, SEQPACKET."""

    pid: int
    pidfd: int
    sync: socket.socket


def spawn_container(
    spec: Spec,
    rootfs: tuple[RootfsMount, ...],
    *,
    fds: ProcessFds,
    cgroup: CgroupPlace,
    bundle: str,
    options: Options = _PLAIN,
    birth: Birth | None = None,
) -> Child:
    """Clone the first process of a container. ``bundle``: an existing directory of the container's own; ``birth``: for
    one that joins a PID namespace, and has no user namespace of its own; see ``birth``.

    Without ``rootfs`` the directory ``spec.root.path``, relative to the bundle, is the root. Raises Invalid,
    Unsupported, OSError; all that goes wrong after the clone is reported on ``sync``.
    """
    plan = make_plan(spec, rootfs, bundle, options, extra=len(fds.extra), listen=fds.listen)
    seccomp = load.read(spec.annotations, spec.linux.seccomp)
    procs_files = cgroup.procs_files()
    cgroup_fd = cgroup.open_v2()
    with contextlib.ExitStack() as stack:
        if cgroup_fd is not None:
            stack.callback(os.close, cgroup_fd)
            if fds.extra:
                cgroup_fd = _above(cgroup_fd, fds)
                stack.callback(os.close, cgroup_fd)
        place = Place(cgroup.path, procs_files, cgroup_fd)
        if plan.user is not None:
            child = _spawn_mapped(plan, place, seccomp, fds)
            return child if not spec.linux.net_devices else _with_devices(child, spec)
        if birth is not None:
            from corral.runtime.init.birth import showing

            plan = replace(plan, mounts=showing(plan.mounts, plan.pid_namespace))
        elif plan.pid_namespace:
            target = os.open(plan.pid_namespace, os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, target)
            stack.enter_context(_children_in(target))
        page = functools.partial(standard.run, plan, place, seccomp, birth=birth)
        keep = (*_open(cgroup_fd), *_open_for(birth))
        child = _spawn(page, plan.clone_flags, plan.process, fds, cgroup_fd, keep=keep)
        return child if not spec.linux.net_devices else _with_devices(child, spec)


def _with_devices(child: Child, spec: Spec) -> Child:
    """Network devices are moved by us, who are where they are, as soon as there is a namespace to move them into."""
    from corral.runtime.init import netdevices

    path = next(n.path for n in spec.linux.namespaces if n.type == "network") or f"/proc/{child.pid}/ns/net"
    try:
        netdevices.move(spec.linux.net_devices, path)
    except BaseException:
        _end(child.pidfd)
        child.sync.close()
        raise
    return child


def _end(child: int) -> None:
    """``child``: a pidfd, which is closed."""
    signal.pidfd_send_signal(child, signal.SIGKILL)
    os.waitid(os.P_PIDFD, child, os.WEXITED)
    os.close(child)


def _open(fd: int | None) -> tuple[int, ...]:
    return () if fd is None else (fd,)


def _open_for(birth: Birth | None) -> tuple[int, ...]:
    return () if birth is None else (birth.page, birth.program)


def _spawn_mapped(plan: ContainerPlan, place: Place, seccomp: Filter | None, fds: ProcessFds) -> Child:
    """Into a user namespace, by way of a process that is still outside; see ``outside``. Waits for that."""
    from corral.runtime.init import outside  # here, so that who has no such containers does not fork it along

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    if fds.extra:
        moved = socket.socket(fileno=_above(theirs.fileno(), fds))
        theirs.close()
        theirs = moved
    with ours:

        def inside(plan: ContainerPlan, prepared: Prepared, sync: Sync) -> None:
            standard.run(plan, place, seccomp, sync, prepared)

        with theirs:
            page = functools.partial(outside.run, plan, place, theirs, inside)
            keep = (*_open(place.cgroup_fd), theirs.fileno())
            first = _spawn(page, outside.FLAGS, plan.process, fds, place.cgroup_fd, keep=keep)
        heir = -1
        try:
            heir = _heir(ours, first.pidfd)
            pid = 0 if heir < 0 else pidfd.pid_of(heir)
        except BaseException:
            for child in (first.pidfd, heir):
                if child >= 0:
                    _end(child)
            first.sync.close()
            raise
    if heir < 0:
        return first  # it has failed, and says why
    os.waitid(os.P_PID, first.pid, os.WEXITED)
    os.close(first.pidfd)
    return Child(pid, heir, first.sync)


def _heir(handover: socket.socket, first: int) -> int:
    """A pidfd, -1 when there is none: then the process whose pidfd is ``first`` ends. Raises OSError."""
    handover.settimeout(_PATIENCE)
    try:
        _, fds = descriptors.recv_fds(handover, 16, 1)
    except TimeoutError:
        signal.pidfd_send_signal(first, signal.SIGKILL)
        return -1
    return fds[0] if fds else -1


def spawn_exec(
    init_pidfd: int,
    process: Process,
    *,
    fds: ProcessFds,
    cgroup: CgroupPlace,
    spec: Spec,
    options: Options = _PLAIN,
    birth: Birth | None = None,
) -> Child:
    """Clone one more process into all namespaces of the container whose first process ``init_pidfd`` is.

    ``spec`` is the container's: its system call filter holds for the exec too; ``birth``: the process that is
    returned is not the exec, but bears it (see there). Raises Conflict when the container has ended, OSError; all that
    goes wrong after the clone is reported on ``sync``.
    """
    process = like_the_first(process, spec.process)
    procs_files = cgroup.procs_files()
    cgroup_fd = cgroup.open_v2()
    late_cgroup = ""
    with contextlib.ExitStack() as stack:
        if cgroup_fd is not None:
            stack.callback(os.close, cgroup_fd)
            if process.exec_cpu_affinity is not None and process.exec_cpu_affinity.initial:
                late_cgroup, cgroup_fd = os.readlink(descriptors.path_of(cgroup_fd)), None
        if fds.extra:
            init_pidfd = _above(init_pidfd, fds)
            stack.callback(os.close, init_pidfd)
        plan = setns.ExecPlan(
            process,
            load.read(spec.annotations, spec.linux.seccomp),
            late_cgroup,
            not options.no_new_keyring,
            options.id,
            manner_of(process, spec.linux, extra=len(fds.extra), listen=fds.listen),
            user=any(namespace.type == "user" for namespace in spec.linux.namespaces),
            clock=any(namespace.type == "time" for namespace in spec.linux.namespaces),
            birth=birth,
        )
        page = functools.partial(setns.run, plan, procs_files, init_pidfd)
        try:
            if birth is None:
                stack.enter_context(_children_in(init_pidfd))
            return _spawn(page, 0, process, fds, cgroup_fd, keep=(init_pidfd, *_open_for(birth)))
        except OSError as error:
            # setns of a process that is a zombie; fork in a PID namespace whose first process ends at this moment.
            if error.errno in (errno.ESRCH, errno.ENOMEM):
                raise Conflict("cannot exec in a stopped container") from error
            raise


def _above(fd: int, fds: ProcessFds) -> int:
    """A duplicate that is not where one of ``fds.extra`` is to be."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE_STDIO + len(fds.extra))


def _spawn(
    page: Callable[[Sync], None],
    flags: int,
    process: Process,
    fds: ProcessFds,
    cgroup_fd: int | None,
    *,
    keep: tuple[int, ...],
) -> Child:
    _ignored_signals()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    if fds.extra:
        moved = socket.socket(fileno=_above(theirs.fileno(), fds))
        theirs.close()
        theirs = moved
    try:
        pid, child = clone3(flags | CLONE_CLEAR_SIGHAND, cgroup_fd=cgroup_fd)
    except OSError:
        ours.close()
        theirs.close()
        raise
    if pid == 0:
        _become(page, process, fds, theirs, keep)
    theirs.close()
    return Child(pid, child, ours)


def _become(
    page: Callable[[Sync], None], process: Process, fds: ProcessFds, theirs: socket.socket, keep: tuple[int, ...]
) -> NoReturn:
    """The child's life. Nothing of the supervisor may run in here again, so it never returns and never unwinds."""
    code = OTHER
    sync = Sync(theirs)
    try:
        _leave_the_supervisor(process, fds, theirs.fileno(), keep)
        page(sync)
    except SetupError as error:
        code = error.exit_code
        _report(sync, error.message, code, early=error.early)
    except OSError as error:
        message = f"{error.filename or step(error)}: {reason(error)}"
        code = exit_code_of(message)
        _report(sync, message, code)
    except BaseException as error:
        _report(sync, f"{step(error)}: {type(error).__name__}: {error}", code)
    finally:
        os._exit(code)


def _report(sync: Sync, message: str, code: int, *, early: bool = False) -> None:
    with contextlib.suppress(OSError):
        sync.error(message, code, early=early)


def _leave_the_supervisor(process: Process, fds: ProcessFds, sync: int, keep: tuple[int, ...]) -> None:
    # From here on processes of a container may see this one: /proc/PID of a process that is not dumpable needs
    # CAP_SYS_PTRACE, so that they reach neither its memory, its descriptors nor its executable (CVE-2016-9962,
    # CVE-2019-5736). execve makes it dumpable again.
    prctl.set_dumpable(False)
    gc.disable()
    # A module of the container's, at the path of one of ours, must never be loaded.
    _former_importers.append((sys.meta_path, sys.path_hooks))
    sys.meta_path, sys.path_hooks = [], []
    for number in _ignored_signals():  # what had a handler was reset by the clone
        sigmask.reset(number)
    if process.terminal:
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        sources = [null, null, null]
    else:
        sources = [fds.stdin, fds.stdout, fds.stderr]
    if fds.extra or min(sources) < _ABOVE_STDIO:
        # Above everything that is kept, so that no duplicate lands on a source that is still needed.
        lowest = max(sync, *keep, _ABOVE_STDIO + len(fds.extra)) + 1
        sources = [fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, lowest) for source in sources]
    if fds.extra:
        _place(fds.extra, max(sync, *keep, 0))
    for target, source in enumerate(sources):
        os.dup2(source, target)
    # The supervisor's other descriptors belong to other containers: a created container may wait for days, and would
    # hold their pipes open.
    first = _ABOVE_STDIO + len(fds.extra)
    for kept in sorted((sync, *keep)):
        if first <= kept - 1:
            descriptors.close_range(first, kept - 1)
        first = kept + 1
    descriptors.close_range(first)


def _place(extra: tuple[int, ...], kept: int) -> None:
    """Make them descriptors 3 and following, to be closed by an execve: hooks and the reaper do not get them."""
    lowest = max(kept, _ABOVE_STDIO + len(extra)) + 1
    sources = [fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, lowest) for source in extra]
    for target, source in enumerate(sources, _ABOVE_STDIO):
        os.dup2(source, target, inheritable=False)


@functools.cache
def _ignored_signals() -> tuple[int, ...]:
    """By the interpreter, or by who started us, and so by programs unless they are told otherwise. A parent that asks
    first saves each child dozens of questions."""
    return tuple(int(number) for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN)


@contextlib.contextmanager
def _children_in(target: int) -> Iterator[None]:
    """While it is entered, children are born in the PID namespace of ``target``: a pidfd, or the namespace itself."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        namespace.setns(target, namespace.CLONE_NEWPID)
        try:
            yield
        finally:
            _return(own)
    finally:
        os.close(own)


def _return(own: int) -> None:
    """There is no going on otherwise: whatever is cloned next would be born in the container."""
    for _ in range(_TRIES):
        with contextlib.suppress(OSError):
            namespace.setns(own, namespace.CLONE_NEWPID)
            return
    os._exit(OTHER)
