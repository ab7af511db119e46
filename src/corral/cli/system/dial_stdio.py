"""corral system dial-stdio: this program's standard streams as a connection to the daemon, for ssh:// addresses."""

from __future__ import annotations

import contextlib
import os
import select

from corral.cli.command import Command
from corral.cli.flags import Options
from corral.cli.output import write_all
from corral.cli.session import Session
from corral.client.dial import dial
from corral.client.stream import half_close

_BLOCK = 1 << 17


def run(session: Session, _options: Options, _args: list[str]) -> int:
    api = session.api
    _ = api.prefix  # starts the daemon when that is to be done, and fails with words when it cannot
    with contextlib.closing(dial(api.address, api.tls)) as sock:
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(sock, select.POLLIN)
        while True:
            for fd, _events in poll.poll():
                if fd == 0:
                    data = os.read(0, _BLOCK)
                    if data:
                        sock.sendall(data)
                        continue
                    poll.unregister(0)
                    half_close(sock)
                else:
                    data = sock.recv(_BLOCK)
                    if not data:
                        return 0
                    write_all(1, data)


COMMAND = Command(run)
