"""Where keeper and supervisor begin: ``python -SI main.py SOCKET LOCK SPOOL BUNDLES [KEPT]``.

Takes the lock and the socket, forks the keeper, which forks the supervisor, and ends with status 0: from then on
drivers can connect (also when there was a supervisor already). KEPT is the number of an inherited Unix socket on
which a driver that outlived keeper and supervisor has put the descriptors that it kept; see ``kept``. Standard error
stays open: faults go there.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # under -SI the path has the standard library only
    sys.path.insert(0, os.path.abspath(f"{__file__}/../../../.."))
    from corral.runtime.init.sealed import ensure_sealed

    ensure_sealed()  # before anything that the same program would have to do again

import resource
import socket
from typing import NoReturn

from corral.errors import Invalid
from corral.runtime.supervisor import protocol
from corral.runtime.supervisor.base import Base, Paths
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.keeper import Keeper, Ward
from corral.runtime.supervisor.kept import Kept
from corral.runtime.supervisor.supervisor import Supervisor


def main(arguments: list[str]) -> int:
    """Returns the exit status of the first process; the other two never return."""
    paths = Paths(*arguments[:4])
    kept = _receive(int(arguments[4])) if len(arguments) > 4 else Kept()
    base = Base.open(paths)
    if base is None:
        return 0
    if os.fork():
        return 0
    os.setsid()
    os.chdir("/")
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    _raise_limit()
    try:
        _serve(base, kept)
    except BaseException as error:
        report("fatal", error)
    finally:
        os._exit(1)


def _serve(base: Base, kept: Kept) -> NoReturn:
    """Be the keeper and the supervisor in turn, as deaths demand."""
    ward: Ward | None = None
    while True:
        estate = Keeper(base, kept).run(ward)
        ward, kept = Supervisor(base, estate).run()


def _receive(fd: int) -> Kept:
    kept = Kept()
    with socket.socket(fileno=fd) as link:
        while True:
            try:
                received = protocol.receive(link)
            except (OSError, Invalid) as error:
                report("kept descriptors not received", error)
                received = None
            if received is None:
                return kept
            kept.receive(*received)


def _raise_limit() -> None:
    """Each container takes about six descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
