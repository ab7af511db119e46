"""What holds for the whole command: the global flags, and where messages go.

Callers read the log by machine: containerd and podman look for the last line of level "error" in the file that they
named by ``--log``, in the format that they named by ``--log-format``; its text also goes to standard error, once.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Final

from corral.errors import Invalid
from corral.runtime.command.arguments import BOOL, TEXT, Flag, Options

__all__ = ["FLAGS", "Context", "rfc3339"]

FLAGS: Final = (
    Flag("root", TEXT, "directory for the state of containers (/run/corral-oci, or in $XDG_RUNTIME_DIR)"),
    Flag("log", TEXT, "file to append messages to (standard error)"),
    Flag("log-format", TEXT, "text or json (text)"),
    Flag("debug", BOOL, "log more"),
    Flag("systemd-cgroup", BOOL, "cgroups of the form slice:prefix:name"),
    Flag("rootless", TEXT, "accepted: true, false or auto"),
    Flag("criu", TEXT, "accepted and ignored"),
    Flag("version v", BOOL, "print the version"),
    Flag("help h", BOOL, "print this"),
)

_ROOT: Final = "/run/corral-oci"


class Context:
    """``root``: the directory of all state directories; ``systemd``: cgroup paths are slices."""

    __slots__ = ("_debug", "_json", "_log", "root", "systemd")

    def __init__(self, options: Options) -> None:
        """Raises Invalid."""
        self.root = options.text("root") or _default_root()
        self.systemd = options.bool("systemd-cgroup")
        self._log = options.text("log")
        self._debug = options.bool("debug")
        form = options.text("log-format", "text") or "text"
        if form not in ("text", "json"):
            raise Invalid(f'invalid log-format: "{form}"')
        self._json = form == "json"

    def debug(self, message: str) -> None:
        if self._debug:
            self._write("debug", message)

    def warning(self, message: str) -> None:
        self._write("warning", message)

    def error(self, message: str) -> None:
        """To standard error as well, if that is not the log."""
        message = " ".join(message.split())
        self._write("error", message)
        if self._log:
            _print(f"{message}\n")

    def _write(self, level: str, message: str) -> None:
        if self._json:
            import json

            line = json.dumps({"level": level, "msg": message, "time": rfc3339(time.time_ns(), digits=0)}) + "\n"
        elif self._log:
            quoted = message.replace("\\", "\\\\").replace('"', '\\"')
            line = f'time="{rfc3339(time.time_ns(), digits=0)}" level={level} msg="{quoted}"\n'
        else:
            line = f"{message}\n"
        if not self._log:
            _print(line)
            return
        try:
            fd = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.write(fd, line.encode(errors="replace"))
            finally:
                os.close(fd)
        except OSError as error:
            _print(f"{self._log}: {error.strerror}\n{line}")


def rfc3339(nanoseconds: int, digits: int = 9) -> str:
    """UTC. ``digits``: of the fraction of a second."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{fraction:09d}"[: 20 + digits if digits else 19] + "Z"


def _default_root() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return f"{runtime}/corral-oci" if os.geteuid() and runtime else _ROOT


def _print(text: str) -> None:
    try:
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, text.encode(errors="replace"))
    except OSError:
        return
