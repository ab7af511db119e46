"""An interpreter that no container can overwrite (CVE-2019-5736).

An image may name /proc/self/exe as its program, directly, as the interpreter of a script or by a link: at the moment of
the execve that is our own interpreter, and once it runs as the container's process, files of the container decide what
it does. It could reopen its executable for writing as soon as nothing runs it any more, and the host would run the
result. So whoever clones containers runs from a file that cannot be written: the same file seen through an overlay
mount that has no upper layer, is attached nowhere, and shares the page cache with the original; or, where overlay
cannot do that, a sealed copy in memory.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Sequence
from typing import Final

from corral.linux import mount as m
from corral.linux import prctl
from corral.linux.execve import execveat
from corral.linux.libc import AT_EMPTY_PATH

__all__ = ["ensure_sealed", "is_sealed"]

_MARK: Final = "corral-sealed"
_OTHER_LAYERS: Final = ("/etc", "/usr/lib", "/var")
"""An overlay without upper layer wants two lower ones; the second may be anything that does not overlap the first."""


def is_sealed() -> bool:
    return _MARK in sys._xoptions


def ensure_sealed(arguments: Sequence[str] = ()) -> None:
    """Start the running program again, with the same arguments, from a sealed interpreter; return if it is one.

    ``arguments``: for the interpreter, instead of those that it was started with.

    To be called first of all: nothing of the process survives but its descriptors that are inheritable. Raises OSError
    when neither way works. The process is not dumpable when this returns, and neither are its children from their
    birth on: /proc/PID of one that enters a container is closed to that container's processes (CVE-2016-9962).
    """
    if is_sealed():
        prctl.set_dumpable(False)
        return
    executable = os.path.realpath("/proc/self/exe")
    arguments = [sys.executable, "-X", _MARK, *(arguments or sys.orig_argv[1:])]
    environment = [f"{name}={value}" for name, value in os.environ.items()]
    environment.append("LD_BIND_NOW=1")  # functions of the C library are looked up now, and not once more in each child
    if library := _shared_library():
        # $ORIGIN in the executable is the place of the executable, which is nowhere now.
        environment.append(f"LD_LIBRARY_PATH={library}")
    try:
        directory = _overlay(os.path.dirname(executable))
        execveat(directory, os.path.basename(executable), arguments, environment)
    except OSError:
        copy = _memory_copy(executable)
        execveat(copy, "", arguments, environment, AT_EMPTY_PATH)


def _overlay(directory: str) -> int:
    """A descriptor of a detached, read-only overlay mount of ``directory``. Raises OSError."""
    if ":" in directory or "\\" in directory:
        raise OSError(errno.EINVAL, "not expressible as a layer", directory)
    other = next(path for path in _OTHER_LAYERS if os.path.isdir(path) and not _overlap(path, directory))
    context = m.fsopen("overlay")
    try:
        m.fsconfig(context, m.FSCONFIG_SET_STRING, "source", "corral")
        m.fsconfig(context, m.FSCONFIG_SET_STRING, "lowerdir", f"{directory}:{other}")
        m.fsconfig(context, m.FSCONFIG_CMD_CREATE)
        return m.fsmount(context, attr_flags=m.MOUNT_ATTR_RDONLY | m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NODEV)
    finally:
        os.close(context)


def _overlap(one: str, other: str) -> bool:
    return os.path.commonpath([one, other]) in (one, other)


def _memory_copy(path: str) -> int:
    copy = _memfd()
    source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    size = os.fstat(source).st_size
    while size > 0 and (sent := os.sendfile(copy, source, None, size)):
        size -= sent
    os.close(source)
    fcntl.fcntl(
        copy, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    )
    return copy


def _memfd() -> int:
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        return os.memfd_create("corral", flags | _MFD_EXEC)
    except OSError:
        return os.memfd_create("corral", flags)


_MFD_EXEC: Final = 0x10


def _shared_library() -> str:
    """The directory of a shared libpython, "" when the interpreter has none."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            path = line.rstrip("\n").partition("/")[2]
            if os.path.basename(path).startswith("libpython"):
                return os.path.dirname("/" + path)
    return ""
