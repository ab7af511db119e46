"""Finding and becoming the user's program; failures in the words of Docker's runtime and the exit codes of a shell."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from corral.linux import sigmask
from corral.runtime.init.failure import NOT_EXECUTABLE, NOT_FOUND, SetupError, words

__all__ = ["Execve", "environment", "execute", "find"]

Execve = Callable[[str, list[str], dict[str, str]], NoReturn]

_EXEC_FAILED: Final = 255


def environment(entries: Sequence[str], home: str) -> dict[str, str]:
    """``NAME=value`` entries, later ones winning; HOME of the passwd file when there is none."""
    env: dict[str, str] = {}
    for entry in entries:
        name, assigned, value = entry.partition("=")
        if name and assigned:
            env[name] = value
    if not env.get("HOME"):
        env["HOME"] = home
    return env


def find(name: str, path: str) -> str:
    """The file to execute for ``name``: itself when it has a slash, else the first match in ``path``.

    Called as the user, in its working directory. Raises SetupError with 127 or 126.
    """
    if "/" in name:
        _check(name, name)
        return name
    for directory in path.split(":"):
        candidate = f"{directory or '.'}/{name}"
        try:
            _check(name, candidate)
        except SetupError:
            continue
        return candidate
    raise SetupError(f'exec: "{name}": executable file not found in $PATH', NOT_FOUND)


def _check(name: str, path: str) -> None:
    try:
        status = os.stat(path)
    except OSError as error:
        code = NOT_EXECUTABLE if error.errno in (errno.EACCES, errno.EPERM) else NOT_FOUND
        raise SetupError(f'exec: "{name}": stat {path}: {words(error)}', code) from error
    if stat.S_ISDIR(status.st_mode):
        raise SetupError(f'exec: "{name}": is a directory: permission denied', NOT_EXECUTABLE)
    if not status.st_mode & 0o111 or not os.access(path, os.X_OK, effective_ids=True):
        raise SetupError(f'exec: "{name}": permission denied', NOT_EXECUTABLE)


def execute(path: str, args: Sequence[str], env: dict[str, str], execve: Execve = os.execve) -> NoReturn:
    """Become the program. What only execve can find out (a bad format, a missing interpreter) is, as in Docker, not a
    failure to start but the program's own end: the reason on its stderr, and exit code 255."""
    sigmask.set_mask(sigmask.NONE)
    try:
        execve(path, list(args), env)
    except (OSError, ValueError) as error:
        reason = words(error) if isinstance(error, OSError) else str(error)
        os.write(2, os.fsencode(f"exec {path}: {reason}\n"))
        os._exit(_EXEC_FAILED)
