"""A tap between a tree of processes and the kernel: sees each of its system calls, lets it through, fails it, or
kills the caller in front of it.

The processes run under a seccomp filter that sends what it catches to a listener (seccomp_unotify(2)), so the tap
needs nothing of the program: it is what a full disk, a limit or a kill -9 does, at a place of the test's choosing. The
filter is inherited by everything that is forked, containers' processes as well.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from corral.linux import bpf, libc, seccomp
from corral.linux.pidfd import pidfd_getfd
from corral.runtime.security.seccomp.architectures import native, numbers

KILL: Final = -1
"""A verdict: the caller is killed and does not get to make its call."""

PASS: Final = 0

HOLD: Final = -2
"""A verdict: the caller waits in front of its call until ``Tap.let_go``, which lets it through."""

MAKING: Final = """
    accept4 bind bpf capset chdir chmod chown chroot clone clone3 connect dup dup2 dup3 epoll_create1 epoll_ctl
    eventfd2 execve execveat fadvise64 fchdir fchmod fchmodat fchown fchownat fcntl fdatasync fork fsconfig fsetxattr
    fsmount fsopen fsync ftruncate getdents64 inotify_add_watch inotify_init1 ioctl keyctl link linkat listen mkdir
    mkdirat mknod mknodat mount mount_setattr move_mount open open_tree openat openat2 pidfd_open
    pipe2 pivot_root prctl pread64 prlimit64 pwrite64 pwritev read readlink readlinkat recvmsg rename renameat
    renameat2 rmdir seccomp sendmsg sendto sendfile setdomainname setgroups sethostname setns setpgid setresgid
    setresuid setsid setsockopt socket socketpair splice symlink symlinkat syncfs tee timerfd_create umount2 unlink
    unlinkat unshare vfork write writev
""".split()  # noqa: SIM905
"""What a call may be that makes, changes or finds something, and so may fail. The rest asks, waits or gives back."""

_RECV: Final = (3 << 30) | (80 << 16) | (ord("!") << 8)
_SEND: Final = (3 << 30) | (24 << 16) | (ord("!") << 8) | 1
_CONTINUE: Final = 1
_NOTIFICATION: Final = struct.Struct("=QIIiIQ6Q")
_RESPONSE: Final = struct.Struct("=QqiI")


@dataclass(frozen=True, slots=True)
class Call:
    """``pid``: the calling thread, as the test sees it."""

    pid: int
    name: str
    arguments: tuple[int, ...]

    def text(self, argument: int) -> str:
        """The string that an argument points to; "" when it cannot be read."""
        try:
            with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
                memory.seek(self.arguments[argument])
                return memory.read(4096).partition(b"\0")[0].decode(errors="replace")
        except (OSError, ValueError, OverflowError):
            return ""


Judge = Callable[[Call], int]
"""Returns PASS, KILL, HOLD, or the errno that the call fails with."""


def everything_passes(_: Call) -> int:
    return PASS


class Tap:
    """``spawn`` once; then set ``judge`` whenever it suits. ``close`` when no process behind it is needed any more: a
    call that nobody listens to fails."""

    def __init__(self, calls: Sequence[str] = MAKING) -> None:
        table = numbers(_architecture())
        self._names = {table[name]: name for name in calls if name in table}
        self._listener = -1
        self._thread: threading.Thread | None = None
        self._stop, self._stopping = os.pipe2(os.O_CLOEXEC)
        self._held: list[int] = []
        self.judge: Judge = everything_passes

    def spawn(self, command: Sequence[str | Path], *, output: int, environment: dict[str, str] | None = None) -> int:
        """Execute ``command`` behind the tap, with both output streams on ``output``. Returns its pid, to be waited
        for by the caller."""
        program = _program(self._names)
        announce, announced = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(os.open("/dev/null", os.O_RDWR), 0)
                os.dup2(output, 1)
                os.dup2(output, 2)
                os.setsid()
                number = os.dup(announce)  # the next one that is free, where the listener will be
                os.close(number)
                os.write(announced, str(number).encode())
                flags = seccomp.SECCOMP_FILTER_FLAG_NEW_LISTENER | seccomp.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
                seccomp.install(program, flags)
                os.execve(command[0], [str(word) for word in command], environment or dict(os.environ))
            finally:
                os._exit(99)
        os.close(announced)
        number = int(os.read(announce, 16))
        os.close(announce)
        self._listener = _fetch(pid, number)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return pid

    def let_go(self) -> None:
        held, self._held = self._held, []
        for id in held:
            self._respond(id, 0, _CONTINUE)

    def close(self) -> None:
        os.write(self._stopping, b".")
        if self._thread is not None:
            self._thread.join()
            os.close(self._listener)
        os.close(self._stop)
        os.close(self._stopping)

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._stop, select.POLLIN)
        poll.register(self._listener, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poll.poll()]
            if self._stop in ready:
                return
            buffer = bytearray(_NOTIFICATION.size)
            try:
                fcntl.ioctl(self._listener, _RECV, buffer, True)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR):  # it was killed in the meantime
                    if not _is_used(self._listener):
                        return
                    continue
                raise
            id, pid, _flags, number, _audit, _pointer, *arguments = _NOTIFICATION.unpack(buffer)
            call = Call(pid, self._names.get(number, str(number)), tuple(arguments))
            verdict = self.judge(call)
            if verdict == HOLD:
                self._held.append(id)
            elif verdict == KILL:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                self._respond(id, errno.EINTR, 0)
            else:
                self._respond(id, verdict, 0 if verdict else _CONTINUE)

    def _respond(self, id: int, error: int, flags: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            fcntl.ioctl(self._listener, _SEND, bytearray(_RESPONSE.pack(id, 0, -error, flags)), True)


class Fault:
    """A judge that strikes once: at the ``n``-th call (from 0) of those that ``concerns`` picks."""

    def __init__(self, n: int, verdict: int, concerns: Callable[[Call], bool]) -> None:
        self.n = n
        self._verdict = verdict
        self._concerns = concerns
        self.struck: Call | None = None
        self.seen: list[Call] = []

    def __call__(self, call: Call) -> int:
        if not self._concerns(call):
            return PASS
        self.seen.append(call)
        if len(self.seen) - 1 != self.n:
            return PASS
        self.struck = call
        return self._verdict


def available() -> str:
    """What is missing, "" when nothing is."""
    if native(libc.MACHINE) is None:
        return f"no table of system calls for {libc.MACHINE}"
    return "" if seccomp.action_available(seccomp.SECCOMP_RET_USER_NOTIF) else "the kernel has no seccomp listeners"


def _architecture() -> str:
    architecture = native(libc.MACHINE)
    assert architecture is not None
    return architecture.name


def _program(names: dict[int, str]) -> bytes:
    """Notify for the numbers in ``names``, allow the others."""
    assembler = bpf.Assembler()
    allow, notify = (assembler.return_(v) for v in (seccomp.SECCOMP_RET_ALLOW, seccomp.SECCOMP_RET_USER_NOTIF))
    entry = allow
    for number in sorted(names):
        entry = assembler.branch(bpf.JUMP_EQUAL, number, notify, entry)
    return assembler.program(assembler.load(seccomp.DATA_NR, entry))


def _fetch(pid: int, number: int) -> int:
    """The listener out of the process, which waits in its first call."""
    pidfd = os.pidfd_open(pid)
    deadline = time.monotonic() + 10
    try:
        while True:
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{number}") == "anon_inode:seccomp notify":
                    return pidfd_getfd(pidfd, number)
            assert time.monotonic() < deadline, "the filter was not installed"
            time.sleep(0.001)
    finally:
        os.close(pidfd)


def _is_used(listener: int) -> bool:
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return not any(events & select.POLLHUP for _, events in poll.poll(0))
