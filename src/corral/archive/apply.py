"""Applying a tar to a directory: the members become files, exactly, and nothing outside the directory is touched.

Two styles of whiteout (`Whiteouts`): ``OVERLAY`` writes overlayfs's marks, for a directory that holds one layer's
changes; ``REMOVE`` carries removals out, for a directory that holds a whole file system; ``KEEP`` takes ``.wh.`` names
as they are, for archives that are no layers.

Order matters for each member: contents, owner (clears set-id bits and capabilities), mode, extended attributes, time.
Times of directories come last of all, since every file that is made in one changes it. A member that is already there
replaces it, except that a directory over a directory merges, as `docker load` and tar(1) have it; what is replaced is
moved to ``aside`` when there is a recipe, because the same tar must be made again later.

The tree may be a running container's, which renames and replaces what was just made. Nothing is therefore changed by a
path whose last component could have become a link: files and directories by the descriptor with which they were made,
everything else without following (CVE-2018-15664).
"""

from __future__ import annotations

import enum
import errno
import os
import stat
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from corral.archive import entry as kinds
from corral.archive import whiteout
from corral.archive.beneath import Beneath, Parent, components, display
from corral.archive.entry import Entry
from corral.archive.recipe import RecipeWriter
from corral.archive.remove import remove_tree
from corral.errors import Exhausted, Invalid
from corral.linux.sync import start_writing

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SET_ID: Final = 0o7000
_LARGE: Final = 256 * 1024
_UNSUPPORTED: Final = (errno.ENOTSUP, errno.EPERM)


class Reader(Protocol):
    """Members one after the other: see `corral.archive.reader.TarReader`."""

    def next(self) -> Entry | None: ...
    def copy(self, fd: int, size: int) -> None: ...
    def payload(self) -> bytes: ...
    def tail(self) -> Iterator[bytes | memoryview]: ...


class Whiteouts(enum.Enum):
    OVERLAY = "overlay"
    REMOVE = "remove"
    KEEP = "keep"


class Applier:
    """Applies one archive below ``root``; `run` once.

    Afterwards ``size`` is the sum of the lengths of all files and links, ``root_given`` whether the archive had a
    member for the root directory itself.
    """

    def __init__(
        self,
        root: bytes | int,
        whiteouts: Whiteouts,
        max_entries: int,
        recipe: RecipeWriter | None = None,
        aside: bytes | None = None,
        *,
        specials: bool = True,
        strict: str | None = None,
        owner: tuple[int, int] | None = None,
        own: bool = False,
        eager: bool = False,
    ) -> None:
        """``root``: a path, or an open directory. ``strict``: no directory replaces what is none, nor the other way
        round; the text is what the root is called in the refusal. ``owner``: everything is this user's and group's;
        ``own``: it is the caller's, who may be anybody. ``eager``: large files go to the disk at once, which will have
        less to write when the file system is synchronised.
        """
        self._root = root
        self._whiteouts = whiteouts
        self._tree: Beneath
        self._max_entries = max_entries
        self._recipe = recipe
        self._aside = aside
        self._specials = specials
        self._strict = strict
        self._eager = eager
        self._owner = (-1, -1) if own else owner
        self._moved = 0
        self._times: dict[bytes, int] = {}
        # What this archive itself has made: whiteouts that are carried out must spare it.
        self._made: set[bytes] | None = set() if whiteouts is Whiteouts.REMOVE else None
        self.size = 0
        self.root_given = False
        self.entries = 0
        self.warnings: list[str] = []

    def run(self, reader: Reader) -> None:
        """Raises Invalid for an archive that is damaged or wants out, Exhausted at a limit, OSError."""
        umask = os.umask(0)
        recipe = self._recipe
        try:
            with Beneath(self._root) as self._tree:
                while entry := reader.next():
                    self.entries += 1
                    if self.entries > self._max_entries > 0:
                        raise Exhausted(f"archive has more than {self._max_entries} members")
                    if recipe is not None:
                        recipe.raw(entry.raw)
                    if self._owner is not None:
                        entry.uid, entry.gid = self._owner
                    try:
                        self._member(entry, reader)
                    except OSError as error:
                        if error.errno in (errno.ENOSPC, errno.EDQUOT):
                            raise Exhausted(f"writing {display(entry.name)}: no space left on device") from error
                        raise Invalid(f"archive member {display(entry.name)}: {error.strerror}") from error
                if recipe is not None:
                    for piece in reader.tail():
                        recipe.raw(piece)
                else:
                    for _ in reader.tail():
                        pass
                self._set_times()
        finally:
            os.umask(umask)

    def _member(self, entry: Entry, reader: Reader) -> None:
        self._tree.trim()
        parent, base = self._tree.locate(entry.name, create=True)
        if self._whiteouts is not Whiteouts.KEEP and base.startswith(whiteout.PREFIX):
            self._keep_payload(entry, reader)
            self._whiteout(parent, base)
            return
        self._make_member(entry, parent, base, reader)
        if self._made is not None:
            self._note(parent.path + base)

    def _make_member(self, entry: Entry, parent: Parent, base: bytes, reader: Reader) -> None:
        kind = entry.kind
        if kind == kinds.REGULAR:
            if not base:
                raise Invalid("archive member '/' is not a directory")
            self._regular(entry, parent, base, reader)
        elif kind == kinds.DIRECTORY:
            self._directory(entry, parent, base)
            self._keep_payload(entry, reader)
        elif not base:
            raise Invalid("archive member '/' is not a directory")
        elif kind == kinds.SYMLINK:
            self._make(parent, base, entry, lambda: os.symlink(entry.linkname, base, dir_fd=parent.fd))
            self._finish_at(entry, parent, base)
            self.size += len(entry.linkname)
        elif kind == kinds.HARDLINK:
            self._hardlink(entry, parent, base)
        elif self._specials:
            self._node(entry, parent, base)
        else:
            raise Invalid(f"archive member {display(entry.name)} is a device or a fifo")

    def _note(self, path: bytes) -> None:
        """Remembers that this archive made ``path``, and so needs the directories above it."""
        assert self._made is not None
        while path and path not in self._made:
            self._made.add(path)
            path = path.rpartition(b"/")[0]

    def _keep_payload(self, entry: Entry, reader: Reader) -> None:
        if entry.size:
            payload = reader.payload()
            if self._recipe is not None:
                self._recipe.raw(payload)

    # -- one kind of member each

    def _regular(self, entry: Entry, parent: Parent, base: bytes, reader: Reader) -> None:
        directory = parent.fd
        mode = entry.mode
        try:
            fd = os.open(base, _CREATE, mode & 0o777, dir_fd=directory)
        except FileExistsError:
            self._replace(parent, base, entry)
            fd = os.open(base, _CREATE, mode & 0o777, dir_fd=directory)
        try:
            path = parent.path + base
            if entry.regions is not None:
                for offset, length in entry.regions:
                    os.lseek(fd, offset, os.SEEK_SET)
                    reader.copy(fd, length)
                os.ftruncate(fd, entry.real_size)
                if self._recipe is not None:
                    self._recipe.regions(path, entry.regions)
            elif size := entry.size:
                reader.copy(fd, size)
                if self._recipe is not None:
                    self._recipe.content(path, size)
            os.fchown(fd, entry.uid, entry.gid)
            if mode & _SET_ID:
                os.fchmod(fd, mode)
            if entry.xattrs:
                self._xattrs(entry, b"/proc/self/fd/%d" % fd, follow=True)
            os.utime(fd, ns=(entry.mtime, entry.mtime))
            if self._eager and entry.size >= _LARGE:
                start_writing(fd)
            self.size += entry.real_size
        finally:
            os.close(fd)

    def _directory(self, entry: Entry, parent: Parent, base: bytes) -> None:
        if not base:
            if not parent.path:
                self.root_given = True
            self._dress(entry, parent.fd, fresh=False)
            self._times[parent.path] = entry.mtime
            return
        fresh = True
        replaced = False
        try:
            os.mkdir(base, entry.mode, dir_fd=parent.fd)
        except FileExistsError:
            if stat.S_ISDIR(os.stat(base, dir_fd=parent.fd, follow_symlinks=False).st_mode):
                fresh = False
            else:
                self._replace(parent, base, entry)
                os.mkdir(base, entry.mode, dir_fd=parent.fd)
                replaced = True
        path = parent.path + base
        fd = os.open(base, _DIRECTORY, dir_fd=parent.fd)
        self._tree.keep(entry.name.rstrip(b"/"), fd, path)
        self._dress(entry, fd, fresh=fresh)
        if replaced and self._whiteouts is Whiteouts.OVERLAY:
            # The file that stood here hid the lower directory of this name; the new directory must as well.
            self._opaque(b"/proc/self/fd/%d" % fd)
        self._times[path] = entry.mtime

    def _dress(self, entry: Entry, fd: int, *, fresh: bool) -> None:
        """Owner, mode and attributes of an open directory."""
        os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode)  # a new one may have its parent's set-group-id bit
        if not fresh:
            self._drop_xattrs(entry, b"/proc/self/fd/%d" % fd)
        if entry.xattrs:
            self._xattrs(entry, b"/proc/self/fd/%d" % fd, follow=True)

    def _hardlink(self, entry: Entry, parent: Parent, base: bytes) -> None:
        target = b"/".join(components(entry.linkname))
        if not target:
            raise Invalid(f"archive member {display(entry.name)}: hard link to {display(entry.linkname)}")
        try:
            source, source_base = self._tree.locate(target)
            info = os.stat(source_base, dir_fd=source.fd, follow_symlinks=False)
        except FileNotFoundError:
            raise Invalid(
                f"archive member {display(entry.name)}: hard link to {display(entry.linkname)}, which is not there"
            ) from None
        if source.path + source_base == parent.path + base:
            return
        if whiteout.is_device(info.st_mode, info.st_rdev) and self._whiteouts is Whiteouts.OVERLAY:
            raise Invalid(f"archive member {display(entry.name)}: hard link to a removed file")

        def link() -> None:
            origin, _ = self._tree.locate(target)
            os.link(source_base, base, src_dir_fd=origin.fd, dst_dir_fd=parent.fd, follow_symlinks=False)

        self._make(parent, base, entry, link)

    def _node(self, entry: Entry, parent: Parent, base: bytes) -> None:
        kind = {kinds.CHARACTER: stat.S_IFCHR, kinds.BLOCK: stat.S_IFBLK}.get(entry.kind, stat.S_IFIFO)
        device = 0 if kind == stat.S_IFIFO else os.makedev(entry.major, entry.minor)
        self._make(parent, base, entry, lambda: os.mknod(base, kind | (entry.mode & 0o777), device, dir_fd=parent.fd))
        self._finish_at(entry, parent, base)

    # -- what the kinds have in common

    def _make(self, parent: Parent, base: bytes, entry: Entry, create: Callable[[], None]) -> None:
        try:
            create()
        except FileExistsError:
            self._replace(parent, base, entry)
            create()

    def _finish_at(self, entry: Entry, parent: Parent, base: bytes) -> None:
        """Owner, mode, attributes and time of something that cannot be opened."""
        os.chown(base, entry.uid, entry.gid, dir_fd=parent.fd, follow_symlinks=False)
        if entry.kind != kinds.SYMLINK and entry.mode & _SET_ID:
            fd = os.open(base, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent.fd)
            try:
                if not stat.S_ISLNK(os.fstat(fd).st_mode):
                    os.chmod(b"/proc/self/fd/%d" % fd, entry.mode)
            finally:
                os.close(fd)
        if entry.xattrs:
            self._xattrs(entry, b"/proc/self/fd/%d/%s" % (parent.fd, base), follow=False)
        os.utime(base, ns=(entry.mtime, entry.mtime), dir_fd=parent.fd, follow_symlinks=False)

    def _xattrs(self, entry: Entry, path: bytes, *, follow: bool) -> None:
        for name, value in entry.xattrs.items():
            if name.startswith(whiteout.NOT_THE_FILES_OWN):
                continue  # with overlayfs's own marks a layer could redirect lookups to where it pleases
            try:
                os.setxattr(path, name, value, follow_symlinks=follow)
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
                self.warnings.append(f"{display(entry.name)}: cannot set {display(name)}: {error.strerror}")

    def _drop_xattrs(self, entry: Entry, path: bytes) -> None:
        """Attributes that a directory had, and that the member which now describes it does not have."""
        for name in os.listxattr(path):
            encoded = os.fsencode(name)
            if encoded not in entry.xattrs and not encoded.startswith(whiteout.NOT_THE_FILES_OWN):
                os.removexattr(path, name)

    def _replace(self, parent: Parent, base: bytes, entry: Entry) -> None:
        """Makes room at a name that is taken."""
        info = os.stat(base, dir_fd=parent.fd, follow_symlinks=False)
        path = parent.path + base
        is_directory = stat.S_ISDIR(info.st_mode)
        if self._strict is not None and is_directory != (entry.kind == kinds.DIRECTORY):
            old, new = ("directory", "non-directory") if is_directory else ("non-directory", "directory")
            name = os.fsdecode(b"/".join(components(entry.name)))
            raise Invalid(f'cannot overwrite {old} "{name}" with {new} "{self._strict}"')
        if is_directory:
            prefix = path + b"/"
            self._times = {p: t for p, t in self._times.items() if p != path and not p.startswith(prefix)}
        own = self._made is None or path in self._made
        if self._recipe is not None and self._aside is not None and own and (is_directory or info.st_size):
            os.makedirs(self._aside, 0o700, exist_ok=True)
            os.rename(base, os.path.join(self._aside, b"%d" % self._moved), src_dir_fd=parent.fd)
            self._recipe.moved(path, self._moved)
            self._moved += 1
        elif is_directory:
            remove_tree(base, parent.fd)
        else:
            os.unlink(base, dir_fd=parent.fd)
        if own and not is_directory and info.st_nlink == 1:
            self.size -= info.st_size
        if is_directory or stat.S_ISLNK(info.st_mode):
            self._tree.forget(spare=parent)

    def _whiteout(self, parent: Parent, base: bytes) -> None:
        if base == whiteout.OPAQUE:
            if self._whiteouts is Whiteouts.OVERLAY:
                self._opaque(b"/proc/self/fd/%d" % parent.fd)
            else:
                self._clear(parent)
            return
        if base.startswith(whiteout.META_PREFIX):
            return
        name = base[len(whiteout.PREFIX) :]
        if name in (b"", b".", b".."):
            raise Invalid(f"invalid whiteout {display(parent.path + base)}")
        if self._whiteouts is Whiteouts.REMOVE:
            self._remove(parent, name)
            return
        try:
            os.mknod(name, stat.S_IFCHR, 0, dir_fd=parent.fd)
        except FileExistsError:
            # The layer brings NAME itself, and a whiteout speaks of the layers below only.
            info = os.stat(name, dir_fd=parent.fd, follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                self._opaque(b"/proc/self/fd/%d/%s" % (parent.fd, name))

    def _opaque(self, path: bytes) -> None:
        os.setxattr(path, whiteout.OPAQUE_XATTR, b"y")

    def _clear(self, parent: Parent) -> None:
        for name in os.listdir(b"/proc/self/fd/%d" % parent.fd):
            self._remove(parent, name)

    def _remove(self, parent: Parent, name: bytes) -> None:
        """Removes what lower layers brought below ``name``, sparing what this archive made."""
        assert self._made is not None
        path = parent.path + name
        try:
            info = os.stat(name, dir_fd=parent.fd, follow_symlinks=False)
        except FileNotFoundError:
            return
        if path in self._made:
            if stat.S_ISDIR(info.st_mode):
                fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent.fd)
                self._clear(Parent(fd, path + b"/"))
                os.close(fd)
            return
        if stat.S_ISDIR(info.st_mode):
            remove_tree(name, parent.fd)
            self._tree.forget(spare=parent)
        else:
            os.unlink(name, dir_fd=parent.fd)
            if stat.S_ISLNK(info.st_mode):
                self._tree.forget(spare=parent)

    def _set_times(self) -> None:
        for path, mtime in self._times.items():
            parent, base = self._tree.locate(path)
            os.utime(base or b".", ns=(mtime, mtime), dir_fd=parent.fd, follow_symlinks=False)
