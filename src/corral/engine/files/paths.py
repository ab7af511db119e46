"""Names inside a container, as Docker resolves them, without ever leaving its root.

The kernel resolves (openat2(2), RESOLVE_IN_ROOT), except where Docker tells where a link leads to although nothing is
there. Whatever was found is held by a descriptor: who swaps a name afterwards is too late.
"""

from __future__ import annotations

import errno
import os
import posixpath
from typing import Final

from corral.errors import Internal, NotFound
from corral.runtime.init.inside import Root

_LINKS_MAXIMUM: Final = 255
_WORDS: Final = {
    errno.ENOTDIR: "not a directory",
    errno.ELOOP: "too many levels of symbolic links",
    errno.ENAMETOOLONG: "file name too long",
}


def cleaned(path: str) -> str:
    """Absolute, without dots, but with what says that a directory is meant: a slash or a dot at the end."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    if path.rsplit("/", 1)[-1] == "." and not clean.endswith("/."):
        return f"{clean.rstrip('/')}/."
    if path.endswith("/") and not clean.endswith("/"):
        return f"{clean}/"
    return clean


def base(path: str) -> str:
    """Go's filepath.Base."""
    stripped = path.rstrip("/")
    return stripped.rsplit("/", 1)[-1] if stripped else "/" if path else "."


def look(root: Root, path: str) -> int:
    """An O_PATH descriptor of ``path`` itself, a link not followed. Raises NotFound(""), Internal in Docker's words."""
    return _open(root, path, os.O_PATH | os.O_NOFOLLOW)


def enter(root: Root, path: str) -> int:
    """An O_PATH descriptor of what ``path`` leads to. Raises as `look`."""
    return _open(root, path, os.O_PATH)


def _open(root: Root, path: str, flags: int) -> int:
    try:
        return root.open("." + path, flags)
    except FileNotFoundError:
        raise NotFound("") from None
    except OSError as error:
        reason = _WORDS.get(error.errno or 0) or (error.strerror or "").lower()
        raise Internal(f"lstat {path}: {reason}") from None


def where(root: Root, fd: int) -> str:
    """The real path of an open directory inside the root."""
    top = os.readlink(f"/proc/self/fd/{root.fd}").rstrip("/")
    return os.readlink(f"/proc/self/fd/{fd}").removeprefix(top) or "/"


def destination(root: Root, path: str) -> str:
    """Where a link leads to in the end, or as far as there is something. Raises Internal."""
    done: list[str] = []
    todo = _components(path)
    links = 0
    while todo:
        name = todo.pop()
        if name == "..":
            done = done[:-1]
            continue
        try:
            fd = root.open("/".join((*done, name)), os.O_PATH | os.O_NOFOLLOW)
        except OSError:
            done.append(name)
            continue
        try:
            link = os.readlink("", dir_fd=fd)
        except OSError:
            done.append(name)
            continue
        finally:
            os.close(fd)
        links += 1
        if links > _LINKS_MAXIMUM:
            raise Internal(f"too many links in {path}")
        if link.startswith("/"):
            done = []
        todo += _components(link)
    return "/" + "/".join(done)


def _components(path: str) -> list[str]:
    """In reverse, so that ``pop`` gives the next one."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]
