"""The working directory."""

from __future__ import annotations

import os
import stat

from corral.linux.cwd import getcwd
from corral.runtime.init.failure import SetupError, described
from corral.runtime.init.inside import Root, absolute

__all__ = ["enter", "make"]


def make(root: Root, path: str) -> None:
    """Make it in a new container, as root and 0755, as Docker does. Raises SetupError."""
    try:
        fd = root.ensure(absolute(path), directory=True)
        is_directory = stat.S_ISDIR(os.fstat(fd).st_mode)
        os.close(fd)
        if not is_directory:
            raise SetupError(f"Cannot mkdir: {path} is not a directory", early=True)
    except NotADirectoryError as error:
        raise SetupError(f"Cannot mkdir: {path} is not a directory", early=True) from error
    except FileNotFoundError:
        return  # below /proc, where nothing can be made: entering it says what is wrong
    except OSError as error:
        raise described(f"mkdir {path}", error) from error


def enter(path: str) -> None:
    """Go there, as the user. It must be inside: a path such as /proc/self/fd/7 names whatever a descriptor that was
    forgotten is open on, such as a directory of the host (CVE-2024-21626). Raises SetupError."""
    try:
        os.chdir(path or "/")
        here = getcwd()
    except OSError as error:
        raise described(f'chdir to cwd ("{path}") set in config.json failed', error) from error
    if not here.startswith("/"):
        raise SetupError(
            "current working directory is outside of container mount namespace root "
            "-- possible container breakout detected"
        )
