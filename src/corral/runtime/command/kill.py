"""``kill``: a signal for the first process (runtime.md, "Kill"), with ``--all`` for everything in the container."""

from __future__ import annotations

import os
import signal
from typing import Final

from corral.errors import Conflict, Invalid
from corral.runtime.command import container
from corral.runtime.command.arguments import BOOL, Flag, Options
from corral.runtime.command.context import Context
from corral.runtime.command.records import check_id

__all__ = ["FLAGS", "USAGE", "number_of", "run"]

FLAGS: Final = (Flag("all a", BOOL, "send it to all processes of the container"),)
USAGE: Final = "[--all] ID [SIGNAL]"

_NAMES: Final = (  # noqa: SIM905
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG "
    "XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
).split()
_SYNONYMS: Final = {"IOT": 6, "CLD": 17, "POLL": 29, "UNUSED": 31}
_FIRST_REAL_TIME: Final = 34
_LAST: Final = 64


def run(context: Context, options: Options) -> int:
    if not 1 <= len(options.rest) <= 2:
        raise Invalid(f'"corral-oci kill {USAGE}" requires 1 or 2 arguments, got {len(options.rest)}')
    number = number_of(options.rest[1] if len(options.rest) > 1 else "SIGTERM")
    found = container.find(context.root, check_id(options.rest[0]))
    record = found.recorded()
    everything = options.bool("all") or (number == signal.SIGKILL and not record.own_pids)
    if everything:
        _kill_all(found, number)
        return 0
    pidfd = found.open_process()
    if pidfd is None:
        raise Conflict("container not running")
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        raise Conflict("container not running") from None
    if number == signal.SIGKILL:
        _let_die(found)
    return 0


def _kill_all(found: container.Container, number: int) -> None:
    """Also when the first process has ended: others may have been left in a PID namespace that it shares."""
    cgroup = found.cgroup()
    if number == signal.SIGKILL:
        cgroup.kill()
        _let_die(found)
        return
    pids = cgroup.pids()
    if not pids:
        raise Conflict("container not running")
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _let_die(found: container.Container) -> None:
    """What version 1 of control groups has frozen does not die before it is thawed."""
    cgroup = found.cgroup()
    if cgroup.is_frozen():
        cgroup.thaw()


def number_of(text: str) -> int:
    """``9``, ``KILL``, ``SIGKILL``, ``sigrtmin+3``. Raises Invalid."""
    if text.isascii() and text.isdigit():
        number = int(text)
    else:
        name = text.upper().removeprefix("SIG")
        base, plus, offset = name.partition("+")
        last, minus, before = name.partition("-")
        if name in _NAMES:
            number = _NAMES.index(name) + 1
        elif base == "RTMIN" and (not plus or offset.isdigit()):
            number = _FIRST_REAL_TIME + int(offset or 0)
        elif last == "RTMAX" and (not minus or before.isdigit()):
            number = _LAST - int(before or 0)
        else:
            number = _SYNONYMS.get(name, 0)
    if not 1 <= number <= _LAST:
        raise Invalid(f'unknown signal "{text}"')
    return number
