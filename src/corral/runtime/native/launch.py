"""Starting keeper and supervisor, in a session of their own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

from corral.errors import Unavailable
from corral.runtime import supervisor
from corral.runtime.supervisor import protocol
from corral.runtime.supervisor.kept import Kept
from corral.store.layout import ExecRoot

_PATIENCE = 60.0


async def launch(root: ExecRoot, kept: Kept) -> None:
    """Returns when drivers can connect, also when somebody else was quicker. Hands over duplicates of ``kept``.

    Raises Unavailable, which tells where the supervisor's own words are.
    """
    root.root.mkdir(parents=True, exist_ok=True)
    main = os.path.join(os.path.dirname(supervisor.__file__), "main.py")
    paths = (root.supervisor_socket, root.supervisor_lock, root.supervisor_spool, root.containers)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, open(root.supervisor_log, "ab", buffering=0) as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-SI",
            main,
            *map(str, paths),
            str(theirs.fileno()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            cwd="/",
        )
        theirs.close()
        try:
            await asyncio.wait_for(_hand_over(ours, kept), _PATIENCE)
            status = await asyncio.wait_for(process.wait(), _PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise Unavailable(f"supervisor does not start, see {root.supervisor_log}") from None
    if status != 0:
        raise Unavailable(f"supervisor does not start: status {status}, see {root.supervisor_log}")


async def _hand_over(sock: socket.socket, kept: Kept) -> None:
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    for message, fds in kept.messages():
        while True:
            try:
                protocol.send(sock, message, fds)
                break
            except BlockingIOError:
                writable = loop.create_future()
                loop.add_writer(sock, writable.set_result, None)
                try:
                    await writable
                finally:
                    loop.remove_writer(sock)
            except OSError:  # it has ended: its status tells
                return
    sock.close()
