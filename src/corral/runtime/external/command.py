"""One command of a runtime: a child of the supervisor that nobody waits for, and what it had to say."""

from __future__ import annotations

import gc
import json
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from corral.linux import prctl, sigmask
from corral.linux.clone import CLONE_CLEAR_SIGHAND, clone3
from corral.linux.fd import CLOSE_RANGE_CLOEXEC, close_range
from corral.linux.namespace import CLONE_NEWNS
from corral.linux.pidfd import pidfd_send_signal
from corral.oci.codec import compact
from corral.runtime.driver import RuntimeBinary
from corral.runtime.external.workspace import Workspace
from corral.runtime.init.failure import SetupError, words
from corral.runtime.init.spawn import ProcessFds
from corral.runtime.supervisor.records import read_file, remove_file
from corral.runtime.supervisor.services import Services

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FAILED: Final = 1
_ABOVE_STDIO: Final = 3
_DECODER: Final = json.JSONDecoder()
_LONGEST: Final = 8192
"""Characters of a message."""


@dataclass(frozen=True, slots=True)
class Result:
    """``code``: 0 when it was successful, None when nobody knows; ``message``: why it was not."""

    code: int | None
    message: str = ""

    @property
    def good(self) -> bool:
        return self.code == 0


class Command:
    """``ended`` is called once, from the loop, unless it was forgotten before."""

    def __init__(
        self,
        services: Services,
        runtime: RuntimeBinary,
        workspace: Workspace,
        name: str,
        arguments: Sequence[str],
        ended: Callable[[Result], None],
        *,
        fds: ProcessFds | None = None,
        prepare: Callable[[], None] | None = None,
        own_mounts: bool = False,
        output: bool = False,
    ) -> None:
        """``name``: of its log; ``fds``: its standard streams, /dev/null without; ``prepare``: what its process does
        first, in a mount namespace of its own if ``own_mounts``; ``output``: what it prints is kept in a file of the
        workspace. Raises OSError when there can be no process."""
        self._services = services
        self._log = workspace.log(name)
        self._ended: Callable[[Result], None] | None = ended
        argv = [runtime.path, *runtime.args, *workspace.flags, "--log", self._log, "--log-format", "json"]
        parent = os.getpid()
        remove_file(self._log)
        pid, pidfd = clone3(CLONE_CLEAR_SIGHAND | (CLONE_NEWNS if own_mounts else 0))
        if pid == 0:
            out = workspace.output(name) if output else None
            _become([*argv, *arguments], parent, fds, prepare, self._log, out)
        self._pidfd = pidfd
        services.exits.program_begins()
        services.exits.of_child(pid, pidfd, self._finish)

    def kill(self) -> None:
        """It will be heard of nevertheless."""
        with suppress(OSError):
            pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def forget(self) -> None:
        """Kill it, and do not tell anybody."""
        self._ended = None
        self.kill()

    def _finish(self, code: int | None) -> None:
        os.close(self._pidfd)
        self._pidfd = -1
        ended, self._ended = self._ended, None
        try:
            if ended is not None:
                ended(Result(code) if code == 0 else Result(code, self._reason(code)))
        finally:
            remove_file(self._log)
            self._services.exits.program_ended()

    def _reason(self, code: int | None) -> str:
        message = last_error(read_file(self._log).decode(errors="replace"))
        return message or ("ended for a reason that is not known" if code is None else f"exit status {code}")


def last_error(log: str) -> str:
    """The last message in the text of a log that is one of an error, "" when there is none.

    A log is one JSON object after the other, each on one line (runc) or on several (crun), and whatever gets into it.
    """
    message = ""
    position = 0
    while (position := log.find("{", position)) >= 0:
        try:
            entry, position = _DECODER.raw_decode(log, position)
        except ValueError:
            position += 1
            continue
        if entry.get("level", "error") in ("error", "fatal") and entry.get("msg"):
            message = str(entry["msg"])
    return message[:_LONGEST]


def _become(
    argv: list[str],
    parent: int,
    fds: ProcessFds | None,
    prepare: Callable[[], None] | None,
    log: str,
    output: str | None,
) -> NoReturn:
    """The child's life: nothing of the supervisor may run in here again."""
    try:
        # A command that nobody would hear of must not go on: the next supervisor begins again from what it finds.
        prctl.set_pdeathsig(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(_FAILED)
        gc.disable()
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            if signal.getsignal(number) is signal.SIG_IGN:
                sigmask.reset(number)
        if prepare is not None:
            prepare()
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        out = null
        if output is not None:
            out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        for target, source in enumerate((null, out, null) if fds is None else (fds.stdin, fds.stdout, fds.stderr)):
            os.dup2(source, target)
        close_range(_ABOVE_STDIO, flags=CLOSE_RANGE_CLOEXEC)
        sigmask.set_mask(sigmask.NONE)
        path = os.environ.get("PATH", _PATH)
        os.execvpe(argv[0], argv, {"PATH": path, "HOME": "/root"})  # noqa: S606
    except SetupError as error:
        _report(log, error.message)
    except OSError as error:
        _report(log, f"{error.filename or argv[0]}: {words(error)}")
    except BaseException as error:
        _report(log, f"{type(error).__name__}: {error}")
    finally:
        os._exit(_FAILED)


def _report(log: str, message: str) -> None:
    """As the runtime itself would."""
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.write(fd, compact({"level": "error", "msg": message}))
    os.close(fd)
