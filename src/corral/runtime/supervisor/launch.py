"""A child between its birth and its execve, followed by what it says on its socket (``runtime.init.messages``)."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Final, Protocol

from corral.linux import fd as descriptors
from corral.runtime.driver import StartError
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.loop import IN, Loop

_GO: Final = b'{"type":"go"}'
_LISTENING: Final = b'{"type":"listening"}'
_LIMIT: Final = 1 << 16
_OTHER: Final = 125


class Events(Protocol):
    """What becomes of a child.

    ``hooks``: it waits for those of the runtime. ``ready`` may be left out by one that was told to go; of ``started``
    and ``failed`` exactly one is called, at last.
    """

    def console(self, master: int) -> None: ...

    def hooks(self) -> None: ...

    def listener(self, number: int) -> None:
        """It is confined, and waits until an agent has got this descriptor of its: ``listening``, or it is killed."""

    def ready(self) -> None: ...

    def started(self) -> None: ...

    def failed(self, error: StartError) -> None: ...


class Launch:
    def __init__(self, loop: Loop, sync: socket.socket, events: Events, name: str) -> None:
        """Takes ``sync`` over."""
        self._loop = loop
        self._sync = sync
        self._events = events
        self._name = name
        self._ready = False
        self._went = False
        self._reset = False
        self._must_be_ready = False
        sync.setblocking(False)
        loop.add(sync.fileno(), IN, self._readable, self._broken)

    @property
    def over(self) -> bool:
        return self._sync.fileno() < 0

    @property
    def fd(self) -> int:
        return self._sync.fileno()

    def go(self) -> None:
        """Let it execve, as soon as it is ready. What became of one that does not listen any more will be heard."""
        try:
            self._sync.send(_GO)
            self._went = True
        except ConnectionError:
            self._went = self._ready
        except OSError as error:  # and it would wait for ever
            self.close()
            self._events.failed(StartError(f"telling the container process to start: {error.strerror}", _OTHER))

    def listening(self) -> None:
        """Its listener has been delivered. What became of one that does not listen any more will be heard."""
        with contextlib.suppress(OSError):
            self._sync.send(_LISTENING)

    def resume(self) -> None:
        """After a predecessor, who may have been told already that it is ready, and may have let it go."""
        self._ready = True

    def settle(self) -> None:
        """The child has ended: hear all that it had to say."""
        while not self.over:
            if not self._hear():
                self._end()

    def close(self) -> None:
        """A child that still waits exits silently."""
        if not self.over:
            self._loop.remove(self._sync.fileno())
            self._sync.close()

    def _readable(self, _events: int) -> None:
        while not self.over and self._hear():
            pass

    def _hear(self) -> bool:
        """Handle one message. False when there is none at the moment."""
        try:
            payload, fds = descriptors.recv_fds(self._sync, _LIMIT, 4)
        except BlockingIOError:
            return False
        except ConnectionResetError:  # it ended with something of ours unread
            self._reset = True
            payload, fds = b"", []
        if not payload:
            self._end()
            return True
        message = json.loads(payload)
        kind = message.get("type")
        if kind == "console" and len(fds) == 1:
            self._events.console(fds[0])
            return True
        descriptors.close_all(fds)
        if kind == "ready":
            self._ready = True
            self._events.ready()
        elif kind == "hooks":
            self._must_be_ready = True
            self._events.hooks()
        elif kind == "listener":
            self._events.listener(int(message["fd"]))
        elif kind == "warning":
            report("warning", process=self._name, message=message.get("message"))
        elif kind == "error":
            self.close()
            early = bool(message.get("early"))
            code = int(message.get("exit_code", _OTHER))
            self._events.failed(StartError(str(message.get("message")), code, early=early))
        return True

    def _end(self) -> None:
        """A child that has read that it may go has set everything up, unless it read that while it waited for hooks."""
        self.close()
        if self._went and (self._ready or not (self._reset or self._must_be_ready)):
            self._events.started()
        else:
            self._events.failed(StartError("container process ended before it was started", _OTHER))

    def _broken(self) -> None:
        self.close()
        self._events.failed(StartError("container process could not be understood", _OTHER))
