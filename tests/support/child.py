"""Running a function in a forked child, for what a process can do to itself only once."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import traceback
from collections.abc import Callable
from typing import Any

_OUT_OF_THE_WAY = 200
"""Functions choose descriptors for what they open; how many the test's own process has open is left to chance."""


class ChildFailed(AssertionError):
    """The function raised, or the child died; the text says how."""


def in_child(function: Callable[[], Any]) -> Any:
    """What ``function`` returns, by way of JSON. Raises ChildFailed with the child's traceback, or its signal."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            write_end = fcntl.fcntl(write_end, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
            try:
                answer = {"value": function()}
            except BaseException:
                answer = {"error": traceback.format_exc()}
            os.write(write_end, json.dumps(answer).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as reader:
        text = reader.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        raise ChildFailed(f"killed by {signal.Signals(os.WTERMSIG(status)).name}")
    answer = json.loads(text or '{"error": "no answer"}')
    if "error" in answer:
        raise ChildFailed(answer["error"])
    return answer["value"]
