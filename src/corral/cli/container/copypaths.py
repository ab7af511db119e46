"""Where a copy goes: the rules of ``docker cp`` for what is there, what is not, and what a slash at the end means.

A path that ends in ``/.`` names a directory's content, one that ends in ``/`` asserts a directory. The archive that
travels is of the source as it is called; what it must be called instead is a `Plan`.
"""

from __future__ import annotations

import os
import posixpath

from corral.cli.errors import CliError

_LINKS_MAXIMUM = 10


class Place:
    """A source or a destination. ``rebase``: what it was called before its links were followed, if that differs."""

    __slots__ = ("exists", "is_directory", "path", "rebase")

    def __init__(self, path: str, *, exists: bool = False, is_directory: bool = False, rebase: str = "") -> None:
        self.path = path
        self.exists = exists
        self.is_directory = is_directory
        self.rebase = rebase


class Plan:
    """The directory to unpack in, and a name that is to be replaced by another one in the archive (once in each)."""

    __slots__ = ("directory", "new", "old")

    def __init__(self, directory: str, old: str = "", new: str = "") -> None:
        self.directory = directory
        self.old = old
        self.new = new

    def rename(self, name: bytes) -> bytes:
        if not self.new:
            return name
        old = b"" if self.old == "/" else os.fsencode(self.old)
        return name.replace(old, os.fsencode(self.new), 1)


def plan(source: Place, target: Place) -> Plan:
    """Raises CliError for what cannot be copied there."""
    directory, base = split(target.path)
    _, name = split(source.path)
    if target.exists and target.is_directory:
        return Plan(target.path)
    if target.exists and source.is_directory:
        raise CliError("cannot copy directory")
    if target.exists or source.is_directory:
        return Plan(directory, source.rebase or name, base)
    if asserts_directory(target.path):
        raise CliError("no such directory")
    return Plan(directory, source.rebase or name, base)


def split(path: str) -> tuple[str, str]:
    """Directory and last component; ``a/b/.`` is ``.`` in ``a/b``."""
    clean = posixpath.normpath(path) if path else "."
    if path.rsplit("/", 1)[-1] == ".":
        clean += "/."
    clean = clean.replace("//", "/")
    directory, _, base = clean.rpartition("/")
    if clean == "/":
        return "/", "/"
    return (directory or ("/" if clean.startswith("/") else ".")), base


def asserts_directory(path: str) -> bool:
    return path.endswith("/") or path.rsplit("/", 1)[-1] in (".", "")


def local(path: str) -> str:
    """Absolute, with what its end says. Raises OSError."""
    return keep_end(os.path.abspath(path), path)


def keep_end(clean: str, original: str) -> str:
    if original.rsplit("/", 1)[-1] == "." and clean.rsplit("/", 1)[-1] != ".":
        clean = clean if clean.endswith("/") else clean + "/"
        clean += "."
    if original.endswith("/") and not clean.endswith("/"):
        clean += "/"
    return clean


def source(path: str, *, follow: bool) -> Place:
    """A local source. Raises CliError when it is not there."""
    rebase = ""
    if follow:
        try:
            real = os.path.realpath(path, strict=True)
        except OSError as error:
            raise _lstat(error.filename or path, error) from None
        resolved, rebase = rebased(path, real)
    else:
        directory, base = os.path.split(path)
        try:
            real = os.path.realpath(directory, strict=True)
        except OSError as error:
            raise _lstat(error.filename or directory, error) from None
        resolved = real.rstrip("/") + "/" + base
        if path.endswith("/") and _base(path) != _base(resolved):
            rebase = _base(path)
    try:
        info = os.lstat(resolved)
    except OSError as error:
        raise _lstat(resolved, error) from None
    return Place(resolved, exists=True, is_directory=_is_directory(info.st_mode), rebase=rebase)


def rebased(path: str, resolved: str) -> tuple[str, str]:
    """A resolved path with the end of the one that was typed; and that one's name if it is another."""
    resolved = keep_end(resolved, path)
    return resolved, _base(path) if _base(path) != _base(resolved) else ""


def destination(path: str) -> Place:
    """A local destination, its links followed. Raises CliError when even its directory is not there."""
    original = path
    for _ in range(_LINKS_MAXIMUM + 1):
        try:
            info = os.lstat(path)
        except FileNotFoundError:
            parent, _ = split(path)
            try:
                if not _is_directory(os.stat(parent).st_mode):
                    raise CliError("not a directory")
            except OSError as error:
                raise CliError(f"stat {parent}: {(error.strerror or '').lower()}") from None
            return Place(path)
        except OSError as error:
            raise CliError(f"lstat {path}: {(error.strerror or '').lower()}") from None
        if not os.path.islink(path.rstrip("/")) or path.endswith("/"):
            return Place(path, exists=True, is_directory=_is_directory(info.st_mode))
        link = os.readlink(path)
        path = link if link.startswith("/") else posixpath.join(split(path)[0], link)
    raise CliError(f"too many symlinks in {original}")


def _base(path: str) -> str:
    """Go's filepath.Base."""
    stripped = path.rstrip("/")
    return stripped.rsplit("/", 1)[-1] if stripped else "/" if path else "."


def _is_directory(mode: int) -> bool:
    return mode & 0o170000 == 0o040000


def _lstat(path: str, error: OSError) -> CliError:
    if isinstance(error, NotADirectoryError):
        return CliError("not a directory")
    return CliError(f"lstat {path}: {(error.strerror or '').lower()}")
