"""Starting the daemon on demand, so that a first command needs no set-up.

Only root does it, only for the default socket, only when nobody listens there, and not with CORRAL_AUTOSTART=0. Two
commands at once start one daemon: a lock file serialises them, and the second finds the socket of the first.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

from corral.cli.errors import CliError
from corral.store.layout import ExecRoot

EXEC_ROOT = "/run/corral"
DEADLINE = 20.0
_POLL = 0.01
_GRACE = 0.5
_PRIVATE = ("CORRAL_HOST", "DOCKER_HOST", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "WATCHDOG_PID", "WATCHDOG_USEC")


def may_start() -> bool:
    return os.geteuid() == 0 and os.environ.get("CORRAL_AUTOSTART", "1") not in ("0", "false", "no")


def daemon_command() -> list[str]:
    """``corrald`` of this installation: the script next to this one, else the module."""
    for directory in (os.path.dirname(os.path.abspath(sys.argv[0])), os.path.dirname(sys.executable)):
        script = os.path.join(directory, "corrald")
        if os.access(script, os.X_OK):
            return [script]
    return [sys.executable, "-c", "from corral.daemon.main import entry; entry()"]


def start_daemon(socket_path: str) -> None:
    """Start ``corrald`` in a session of its own; return when its socket answers. Raises CliError."""
    roots = ExecRoot(Path(EXEC_ROOT))
    log_path = str(roots.daemon_log)
    try:
        lock = os.open(roots.start_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CliError(f"cannot start the corral daemon: {error.filename}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if listening(socket_path):
            return
        daemon = _spawn(log_path)
        _wait(daemon, socket_path, log_path)
    finally:
        os.close(lock)


def _spawn(log_path: str) -> subprocess.Popen[bytes]:
    """The new daemon. Whoever drops the object lets it be collected: then its pid means nothing any more.

    It gets this process's environment, without what was meant for this process alone.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
    with open(log_path, "wb") as log:
        return subprocess.Popen(
            daemon_command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment,
            start_new_session=True,
        )


def _wait(daemon: subprocess.Popen[bytes], socket_path: str, log_path: str) -> None:
    end = time.monotonic() + DEADLINE
    watch = select.poll()
    pidfd = os.pidfd_open(daemon.pid)
    try:
        watch.register(pidfd, select.POLLIN)
        while not listening(socket_path):
            if watch.poll(_POLL * 1000) and not _started_by_another(socket_path):
                raise CliError(f"the corral daemon did not start: {last_line(log_path)} (log: {log_path})")
            if time.monotonic() > end:
                raise CliError(
                    f"the corral daemon did not answer at {socket_path} within {DEADLINE:.0f} seconds: "
                    f"{last_line(log_path)} (log: {log_path})"
                )
    finally:
        os.close(pidfd)


def _started_by_another(socket_path: str) -> bool:
    """Ours gave way, perhaps to one that a service manager started at the same moment and that is nearly there."""
    end = time.monotonic() + _GRACE
    while time.monotonic() < end:
        if listening(socket_path):
            return True
        time.sleep(_POLL)
    return False


def listening(path: str) -> bool:
    """Somebody accepts connections at the socket ``path``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            return error.errno not in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTSOCK)
    return True


def last_line(path: str) -> str:
    """The last line of a log, or what stands in for it."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4096))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError as error:
        return f"no log: {error.strerror}"
    return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
