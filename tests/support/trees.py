"""Directory trees for archive and image tests: made with everything a tree can hold, and described for comparison."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
from pathlib import Path

CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
"""security.capability: cap_net_bind_service=ep. Source: capabilities(7), linux/capability.h (VFS_CAP_REVISION_2)."""

Description = dict[bytes, tuple[object, ...]]


def describe(root: Path, *, times: str = "ns", owners: bool = True, xattrs: bool = True) -> Description:
    """Every member of a tree with all that an archive should keep; hard links as the first name of the inode.

    ``times``: "ns", "s" or "none"; of directories none, when "files".
    """
    found: Description = {}
    first: dict[tuple[int, int], bytes] = {}
    base = os.fsencode(root)
    for directory, directories, files in os.walk(base):
        for name in sorted([*directories, *files]) if directory != base else ["", *sorted([*directories, *files])]:
            path = os.path.join(directory, os.fsencode(name)) if name else directory
            info = os.lstat(path)
            relative = os.path.relpath(path, base)
            if stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
                found[relative] = ("whiteout", *[None] * 8)
                continue
            link = first.setdefault((info.st_dev, info.st_ino), relative) if info.st_nlink > 1 else relative
            found[relative] = (
                stat.S_IFMT(info.st_mode),
                stat.S_IMODE(info.st_mode),
                (info.st_uid, info.st_gid) if owners else None,
                _time(info, times) if name else None,
                info.st_rdev,
                os.readlink(path) if stat.S_ISLNK(info.st_mode) else None,
                _content(path) if stat.S_ISREG(info.st_mode) else None,
                link if not stat.S_ISDIR(info.st_mode) else None,
                _xattrs(path) if xattrs else None,
            )
    return found


def _time(info: os.stat_result, times: str) -> object:
    if times == "none" or (times == "files" and stat.S_ISDIR(info.st_mode)):
        return None
    return info.st_mtime_ns // 1_000_000_000 if times == "s" else info.st_mtime_ns


def _content(path: bytes) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _xattrs(path: bytes) -> dict[str, bytes]:
    if os.path.islink(path):
        return {}
    own = ("security.selinux", *(f"trusted.overlay.{name}" for name in ("origin", "impure", "uuid", "nlink")))
    return {name: os.getxattr(path, name) for name in os.listxattr(path) if name not in own}


def make_everything(root: Path, *, large_owner: bool = True, long_names: bool = True) -> None:
    """Fills ``root``. Needs root."""
    root.mkdir(exist_ok=True)
    base = os.fsencode(root)

    def path(name: bytes) -> bytes:
        return os.path.join(base, name)

    def write(name: bytes, content: bytes, mode: int = 0o644) -> None:
        with open(path(name), "wb") as file:
            file.write(content)
        os.chmod(path(name), mode)

    os.mkdir(path(b"dir"))
    os.mkdir(path(b"dir/empty"))
    os.mkdir(path(b"sticky"))
    os.chmod(path(b"sticky"), 0o1777)
    os.mkdir(path(b"closed"))
    write(b"closed/inside", b"inside")
    os.chmod(path(b"closed"), 0o500)
    write(b"empty", b"")
    write(b"one", b"1")
    write(b"block", b"x" * 512)
    write(b"blocks", os.urandom(3 * 512))
    write(b"large", os.urandom(700_001))
    write(b"setuid", b"#!", 0o4755)
    write(b"setgid", b"#!", 0o2755)
    write(b"odd \xff\xfe\n\t'\"*\\", b"any byte may be in a name")
    write("dir/grün".encode(), b"utf-8")
    write(b"linked", b"three names")
    os.link(path(b"linked"), path(b"dir/linked"))
    os.link(path(b"linked"), path(b"zz-linked"))
    os.symlink(b"linked", path(b"symlink"))
    os.symlink(b"/nowhere/at/all", path(b"dangling"))
    os.symlink(b"t" * 150, path(b"long-target"))
    os.mkfifo(path(b"fifo"), 0o640)
    os.mknod(path(b"null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.chmod(path(b"null"), 0o666)
    os.mknod(path(b"disk"), stat.S_IFBLK | 0o660, os.makedev(259, 300))
    write(b"attributes", b"has some")
    os.setxattr(path(b"attributes"), "user.note", b"a\0b=\n\xff")
    os.setxattr(path(b"attributes"), "security.capability", CAPABILITY)
    os.setxattr(path(b"dir"), "user.dir", b"on a directory")
    if long_names:
        deep = b"/".join([b"d" * 80] * 4)
        os.makedirs(path(deep))
        write(deep + b"/" + b"f" * 200, b"long")
        write(b"n" * 255, b"255")
        os.symlink(deep + b"/" + b"f" * 200, path(b"to-long"))
        os.link(path(deep + b"/" + b"f" * 200), path(b"link-to-long"))
    with open(path(b"sparse"), "wb") as file:
        file.truncate(5 << 20)
        file.seek(1 << 20)
        file.write(b"island")
        file.seek(4 << 20)
        file.write(b"end")
    with open(path(b"hole"), "wb") as file:
        file.truncate(1 << 20)
    owners = (3_000_000, 4_294_000_000) if large_owner else (1000, 1001)
    os.chown(path(b"one"), *owners)
    os.chown(path(b"symlink"), 7, 8, follow_symlinks=False)
    os.utime(path(b"one"), ns=(1, 1_600_000_000_123_456_789))
    os.utime(path(b"empty"), ns=(0, 0))
    os.utime(path(b"symlink"), ns=(5, 1_500_000_000_000_000_001), follow_symlinks=False)
    os.utime(path(b"dir"), ns=(1, 1_400_000_000_999_999_999))


def gnu_tar(*arguments: str | os.PathLike[str], cwd: Path | None = None) -> bytes:
    """Runs GNU tar; returns what it wrote to standard output."""
    return subprocess.run(
        ["tar", *map(os.fspath, arguments)], cwd=cwd, check=True, capture_output=True, env=os.environ | {"LC_ALL": "C"}
    ).stdout


def difference(left: Description, right: Description) -> list[str]:
    """Lines that say where two trees differ; empty when they do not."""
    lines = [f"only left: {path!r}" for path in sorted(left.keys() - right.keys())]
    lines += [f"only right: {path!r}" for path in sorted(right.keys() - left.keys())]
    for path in sorted(left.keys() & right.keys()):
        lines += [f"{path!r}: {a!r:.200} != {b!r:.200}" for a, b in zip(left[path], right[path], strict=True) if a != b]
    return lines
