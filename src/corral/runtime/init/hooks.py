"""Hooks: programs of the configuration's that are run at fixed moments of a container's life, one after the other, with
the container's state on standard input (config.md, "POSIX-platform Hooks").

::

    prestart, createRuntime   by the runtime, outside    all is mounted, the root has not changed    ``answer``
    createContainer           by container init          the same moment; its namespaces, the host's files
    startContainer            by container init          the last thing before the program, as the program
    poststart                 by the runtime, outside    the program runs                            ``run_all``
    poststop                  by the runtime, outside    nothing is left of the container            ``run_all``

A hook that fails makes creation or start fail, and with it the container; what a failing poststart or poststop hook
means is the runtime's decision (in version 1.2 of the specification: a warning). Nobody pays for hooks that are not
there.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Sequence
from typing import Final

from corral.oci.runtime import OCI_VERSION, Hook, Hooks, Spec
from corral.runtime.init.failure import SetupError, words
from corral.runtime.init.messages import Sync, encode

__all__ = ["answer", "before_pivot", "before_program", "run", "run_all", "state"]

_UMASK: Final = 0o022
"""Of hooks, as they have it from runc. Container init itself works with none."""
_SHOWN: Final = 4096
"""Bytes of a failed hook's output that its error quotes."""
_IGNORED: Final = (int(signal.SIGPIPE), int(signal.SIGXFSZ))
"""By Python, and so by its children unless they are told otherwise."""
_FILE: Final = os.MFD_CLOEXEC
_NOEXEC_SEAL: Final = 8
_OURS: Final = ("LD_BIND_NOW", "LD_LIBRARY_PATH")
"""Variables of the supervisor's own; see ``sealed``."""


def state(id: str, status: str, pid: int, bundle: str, annotations: dict[str, str]) -> bytes:
    """The state of a container as JSON (runtime.md, "State"). ``pid``: as the hook's namespace sees it, 0 for none."""
    value: dict[str, object] = {"ociVersion": OCI_VERSION, "id": id, "status": status}
    if pid:
        value["pid"] = pid
    value["bundle"] = bundle
    if annotations:
        value["annotations"] = annotations
    return json.dumps(value).encode()


def run(kind: str, hooks: Sequence[Hook], state: bytes, env: Sequence[str] | None = None) -> None:
    """Run them in order, in the namespaces of the caller, who waits. ``kind``: their name in the configuration.
    A hook without environment of its own gets ``env``, or the caller's.

    Raises SetupError with the words of runc; the hooks after the failed one are not run.
    """
    for number, hook in enumerate(hooks):
        if failed := _try(hook, state, env):
            raise SetupError(f"error running {kind} hook #{number}: {failed}")


def run_all(kind: str, hooks: Sequence[Hook], state: bytes) -> list[str]:
    """The same when the failure of one is none of the others': what is to be said about those that failed."""
    return [
        f"error running {kind} hook #{number}: {failed}"
        for number, hook in enumerate(hooks)
        if (failed := _try(hook, state, None))
    ]


def answer(hooks: Hooks, state: bytes) -> bytes:
    """What to send to a child that said ``messages.HOOKS``, after it was done: prestart and createRuntime hooks."""
    try:
        run("prestart", hooks.prestart, state)
        run("createRuntime", hooks.create_runtime, state)
    except SetupError as error:
        return encode({"type": "hooked", "error": error.message})
    return encode({"type": "hooked", "error": ""})


def before_pivot(spec: Spec, id: str, bundle: str, root: int, sync: Sync) -> bool:
    """In container init, all mounted. False when the supervisor has hung up. Raises SetupError."""
    hooks = spec.hooks
    if hooks is None:
        return True
    if (hooks.prestart or hooks.create_runtime) and not sync.ask_for_hooks():
        return False
    if hooks.create_container:
        os.fchdir(root)
        facts = state(id, "creating", os.getpid(), bundle, spec.annotations)
        os.umask(_UMASK)
        run("createContainer", hooks.create_container, facts, spec.process.env)
        os.umask(0)
    return True


def before_program(spec: Spec, id: str, bundle: str) -> None:
    """In container init, with all that was given up: it is a program of the container's. Raises SetupError."""
    if spec.hooks is not None:
        facts = state(id, "created", os.getpid(), bundle, spec.annotations)
        run("startContainer", spec.hooks.start_container, facts, spec.process.env)


def _try(hook: Hook, state: bytes, env: Sequence[str] | None) -> str:
    try:
        return _run(hook, state, hook.env or env)
    except OSError as error:
        return f"fork/exec {hook.path}: {words(error)}"


def _run(hook: Hook, state: bytes, env: Sequence[str] | None) -> str:
    """Why it failed, "" when it did not. Input and outputs are files in memory: nothing has to be pumped, and nobody
    waits for a daemon that a hook leaves behind. Raises OSError."""
    files = []
    try:
        for content in (state, b"", b""):
            files.append(_memory_file(content))
        pid = os.posix_spawn(
            hook.path,
            hook.args or (hook.path,),
            _environment(env),
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(files)],
            setsigmask=(),
            setsigdef=_IGNORED,
        )
        status = _wait(pid, hook.timeout)
        if status is None:
            return f"hook ran past specified timeout of {hook.timeout:.1f}s"
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            return ""
        how = f"exit status {code}" if code > 0 else f"signal: {signal.strsignal(-code)}".lower()
        return f"{how}, stdout: {_content(files[1])}, stderr: {_content(files[2])}"
    finally:
        for fd in files:
            os.close(fd)


def _environment(env: Sequence[str] | None) -> dict[str, str]:
    if env is None:
        return {name: value for name, value in os.environ.items() if name not in _OURS}
    pairs = (entry.partition("=") for entry in env)
    return {name: value for name, assigned, value in pairs if name and assigned}


def _wait(pid: int, timeout: int | None) -> int | None:
    """The wait status, or None when it was killed because ``timeout`` seconds were over."""
    if timeout is not None and not _ends_within(pid, timeout):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return None
    return os.waitpid(pid, 0)[1]


def _ends_within(pid: int, seconds: int) -> bool:
    pidfd = os.pidfd_open(pid)
    deadline = time.monotonic() + seconds
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            if poll.poll(left * 1000):
                return True
        return False
    finally:
        os.close(pidfd)


def _memory_file(content: bytes) -> int:
    try:
        fd = os.memfd_create("hook", _FILE | _NOEXEC_SEAL)
    except OSError:  # before Linux 6.3
        fd = os.memfd_create("hook", _FILE)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _content(fd: int) -> str:
    return os.pread(fd, _SHOWN, 0).decode(errors="replace").strip()
