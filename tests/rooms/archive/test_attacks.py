"""Archives that try to reach what is not theirs, or to take more than there is; each test is named after the attack."""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path

import pytest

from corral.archive import recipe
from corral.archive.apply import Whiteouts
from corral.archive.remove import remove_tree
from corral.errors import Exhausted, Invalid
from support.tars import device, directory, fifo, file, hardlink, symlink, tar, unpack

pytestmark = pytest.mark.requires("root")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where archives are unpacked; beside it lies what they must not touch."""
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "victim").write_bytes(b"precious")
    return tmp_path / "root"


@pytest.fixture(autouse=True)
def untouched(root: Path) -> object:
    """After each attack everything outside is as it was."""
    before = root.parent.stat().st_mtime_ns
    yield None
    assert (root.parent / "victim").read_bytes() == b"precious"
    assert stat.S_IMODE((root.parent / "victim").stat().st_mode) == 0o644
    assert (root.parent / "victim").stat().st_nlink == 1
    assert os.listdir(root.parent / "outside") == ["victim"]
    assert (root.parent / "outside" / "victim").read_bytes() == b"precious"
    assert before


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/../evil", "./a/b/../../../evil"])
def test_dotdot_in_a_name(root: Path, name: str) -> None:
    with pytest.raises(Invalid, match="outside"):
        unpack(tar(file(name, b"evil")), root)


def test_dotdot_that_stays_inside_is_cleaned(root: Path) -> None:
    unpack(tar(file("a/../b", b"fine")), root)
    assert (root / "b").read_bytes() == b"fine"


def test_absolute_name_lands_inside(root: Path) -> None:
    unpack(tar(file("/etc/passwd", b"inside")), root)
    assert (root / "etc" / "passwd").read_bytes() == b"inside"


@pytest.mark.parametrize("target", ["../outside", "../../outside"])
def test_cve_2014_6407_file_through_a_relative_symlink(root: Path, target: str) -> None:
    with pytest.raises(Invalid):
        unpack(tar(symlink("out", target), file("out/victim", b"evil")), root)


def test_cve_2014_9356_file_through_an_absolute_symlink(root: Path) -> None:
    with pytest.raises(Invalid):
        unpack(tar(symlink("out", str(root.parent / "outside")), file("out/victim", b"evil")), root)


def test_absolute_symlink_is_followed_as_in_a_chroot(root: Path) -> None:
    unpack(tar(directory("usr/lib"), symlink("lib", "/usr/lib"), file("lib/x", b"x")), root)
    assert (root / "usr" / "lib" / "x").read_bytes() == b"x"


def test_file_over_a_symlink_does_not_write_to_its_target(root: Path) -> None:
    unpack(tar(symlink("f", str(root.parent / "victim")), file("f", b"evil")), root)
    assert not (root / "f").is_symlink()
    assert (root / "f").read_bytes() == b"evil"


def test_directory_over_a_symlink_does_not_change_its_target(root: Path) -> None:
    unpack(tar(symlink("d", str(root.parent / "outside")), directory("d", mode=0o777)), root)
    assert not (root / "d").is_symlink()
    assert stat.S_IMODE((root.parent / "outside").stat().st_mode) != 0o777


def test_symlink_exchanged_for_a_directory_between_members(root: Path) -> None:
    """The parent was resolved, and kept open, while it was a directory."""
    attack = tar(
        directory("d"),
        file("d/first", b"1"),
        symlink("d", "../outside"),
        file("d/victim", b"evil"),
    )
    with pytest.raises(Invalid):
        unpack(attack, root)


def test_symlink_to_symlink_to_outside(root: Path) -> None:
    attack = tar(symlink("a", ".."), symlink("b", "a/outside"), file("b/victim", b"evil"))
    with pytest.raises(Invalid):
        unpack(attack, root)


def test_symlink_with_dotdot_after_a_directory(root: Path) -> None:
    attack = tar(directory("x"), symlink("x/up", "../.."), file("x/up/victim", b"evil"))
    unpack(attack, root)
    assert (root / "victim").read_bytes() == b"evil"  # ".." at the root is the root, as in a chroot


def test_magic_link_as_parent(root: Path) -> None:
    with pytest.raises(Invalid):
        unpack(tar(symlink("out", "/proc/self/cwd"), file("out/victim", b"evil")), root)


@pytest.mark.parametrize("target", ["../victim", "/../victim", "a/../../victim"])
def test_hard_link_to_outside(root: Path, target: str) -> None:
    with pytest.raises(Invalid):
        unpack(tar(directory("a"), hardlink("link", target)), root)


def test_hard_link_through_a_symlink_to_outside(root: Path) -> None:
    with pytest.raises(Invalid):
        unpack(tar(symlink("out", str(root.parent)), hardlink("link", "out/victim")), root)


def test_hard_link_to_a_symlink_links_the_symlink_itself(root: Path) -> None:
    target = str(root.parent / "victim")
    unpack(tar(symlink("s", target), hardlink("link", "s"), file("link", b"evil")), root)
    assert (root / "link").read_bytes() == b"evil"
    assert os.readlink(root / "s") == target


def test_hard_link_to_itself(root: Path) -> None:
    unpack(tar(file("f", b"x"), hardlink("f", "f")), root)
    assert (root / "f").read_bytes() == b"x"


def test_hard_link_to_nothing(root: Path) -> None:
    with pytest.raises(Invalid, match="not there"):
        unpack(tar(hardlink("link", "nothing")), root)


@pytest.mark.parametrize("whiteouts", [Whiteouts.OVERLAY, Whiteouts.REMOVE])
@pytest.mark.parametrize("name", ["a/.wh...", "a/.wh..", "a/.wh."])
def test_whiteout_of_the_parent_directory(root: Path, name: str, whiteouts: Whiteouts) -> None:
    with pytest.raises(Invalid, match="whiteout"):
        unpack(tar(directory("a"), file(name)), root, whiteouts)


def test_whiteout_through_a_symlink_to_outside(root: Path) -> None:
    attack = tar(symlink("out", "../outside"), file("out/.wh.victim"))
    with pytest.raises(Invalid):
        unpack(attack, root, Whiteouts.REMOVE)


def test_opaque_mark_through_a_symlink_to_outside(root: Path) -> None:
    attack = tar(symlink("out", "../outside"), file("out/.wh..wh..opq"))
    with pytest.raises(Invalid):
        unpack(attack, root, Whiteouts.REMOVE)


def test_whiteout_of_a_symlink_removes_the_symlink_only(root: Path) -> None:
    root.mkdir()
    (root / "s").symlink_to(root.parent / "outside")
    unpack(tar(file(".wh.s")), root, Whiteouts.REMOVE)
    assert not (root / "s").is_symlink()


def test_overlay_attributes_that_redirect_lookups(root: Path) -> None:
    entry = directory("d")
    entry.pax_headers = {
        "SCHILY.xattr.trusted.overlay.redirect": "/etc",
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "SCHILY.xattr.user.fine": "1",
    }
    unpack(tar(entry), root)
    assert os.listxattr(root / "d") == ["user.fine"]


def test_device_in_an_archive_that_is_no_layer(root: Path) -> None:
    for entry in (device("null", 1, 3), fifo("pipe")):
        with pytest.raises(Invalid, match="device"):
            unpack(tar(entry), root, Whiteouts.KEEP, specials=False)


def test_member_over_a_fifo_does_not_wait_for_a_reader(root: Path) -> None:
    unpack(tar(fifo("f"), file("f", b"x")), root)
    assert (root / "f").read_bytes() == b"x"


def test_file_over_a_directory_and_back(root: Path) -> None:
    layer = tar(directory("d"), file("d/x", b"1"), file("d", b"2"), directory("d"), file("d/y", b"3"))
    unpack(layer, root, recipe=root.parent / "recipe", aside=root.parent / "aside")
    assert os.listdir(root / "d") == ["y"]
    assert os.getxattr(root / "d", "trusted.overlay.opaque") == b"y"
    made = recipe.assemble(str(root.parent / "recipe"), str(root), str(root.parent / "aside"))
    assert b"".join(made) == layer


def test_the_same_name_many_times(root: Path) -> None:
    layer = tar(*(file("f", b"content %d" % number) for number in range(50)), symlink("f", "x"), file("f", b"last"))
    unpack(layer, root, recipe=root.parent / "recipe", aside=root.parent / "aside")
    assert (root / "f").read_bytes() == b"last"
    made = recipe.assemble(str(root.parent / "recipe"), str(root), str(root.parent / "aside"))
    assert b"".join(made) == layer


def test_replaced_symlink_on_the_way_to_a_file(root: Path) -> None:
    """The recipe must find contents by where they really are."""
    layer = tar(
        directory("real"),
        symlink("way", "real"),
        file("way/x", b"through the link"),
        symlink("way", "elsewhere"),
        directory("elsewhere"),
        file("way/x", b"through the other"),
    )
    unpack(layer, root, recipe=root.parent / "recipe", aside=root.parent / "aside")
    made = recipe.assemble(str(root.parent / "recipe"), str(root), str(root.parent / "aside"))
    assert b"".join(made) == layer
    assert (root / "real" / "x").read_bytes() == b"through the link"
    assert (root / "elsewhere" / "x").read_bytes() == b"through the other"


def test_layer_changed_on_disk_is_noticed(root: Path) -> None:
    unpack(tar(file("f", b"content")), root, recipe=root.parent / "recipe")
    (root / "f").unlink()
    (root / "f").symlink_to(root.parent / "victim")
    with pytest.raises(OSError):
        b"".join(recipe.assemble(str(root.parent / "recipe"), str(root), str(root.parent / "aside")))


def test_too_many_members(root: Path) -> None:
    with pytest.raises(Exhausted, match="more than 10 members"):
        unpack(tar(*(file(f"f{number}") for number in range(11))), root, max_entries=10)


def test_extended_header_of_gigabytes(root: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type = tarfile.XHDTYPE
    header.size = 8 << 30
    with pytest.raises(Invalid, match="extended header"):
        unpack(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024), root)


def test_negative_size(root: Path) -> None:
    header = bytearray(tarfile.TarInfo("f").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(Invalid, match="negative size"):
        unpack(bytes(header) + bytes(1024), root)


@pytest.mark.parametrize(
    ("key", "value"), [("uid", "4294967295"), ("gid", "99999999999"), ("mtime", "9" * 40), ("size", "9" * 30)]
)
def test_number_that_the_kernel_has_no_room_for(root: Path, key: str, value: str) -> None:
    info, _ = file("f")
    info.pax_headers = {key: value}
    with pytest.raises(Invalid):
        unpack(tar(info), root)


@pytest.mark.parametrize(
    "records",
    [
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "10"},
        {"GNU.sparse.map": "0,5,3,5", "GNU.sparse.size": "10"},
        {"GNU.sparse.map": "0,99999999999999999999999", "GNU.sparse.size": "10"},
        {"GNU.sparse.map": "0,-5", "GNU.sparse.size": "10"},
        {"GNU.sparse.map": "0", "GNU.sparse.size": "10"},
        {"GNU.sparse.map": "9223372036854775800,512", "GNU.sparse.size": "9223372036854776312"},
    ],
    ids=str,
)
def test_sparse_map_that_lies(root: Path, records: dict[str, str]) -> None:
    info, content = file("sparse", b"9999999\n" * 64)
    info.pax_headers = records
    with pytest.raises(Invalid):
        unpack(tar((info, content)), root)


@pytest.mark.parametrize("key", ["path", "linkpath"])
def test_zero_byte_in_an_extended_name(root: Path, key: str) -> None:
    info = symlink("link", "target")
    info.pax_headers = {key: "evil\0.txt"}
    with pytest.raises(Invalid):
        unpack(tar(info), root)


@pytest.mark.parametrize("record", [b"99 path=x\n", b"x path=y\n", b"8 path=x", b"-5 a=b\n", b"5 a b\n", b"0 a=b\n"])
def test_malformed_extended_record(root: Path, record: bytes) -> None:
    header = tarfile.TarInfo("pax")
    header.type = tarfile.XHDTYPE
    header.size = len(record)
    with pytest.raises(Invalid):
        unpack(header.tobuf() + record.ljust(512, b"\0") + tar(file("f")), root)


@pytest.mark.parametrize("cut", [1, 511, 513, 700, 1500])
def test_archive_that_is_cut_short(root: Path, cut: int) -> None:
    whole = tar(file("a", b"x" * 600), file("b", b"y"))
    with pytest.raises(Invalid):
        unpack(whole[:cut], root)


def test_junk_is_no_archive(root: Path) -> None:
    with pytest.raises(Invalid, match="tar header"):
        unpack(os.urandom(2048), root)


def test_root_directory_as_something_else(root: Path) -> None:
    for entry in (file(".", b"x"), symlink(".", "/etc"), hardlink("/", "x"), fifo("."), file("a/..", b"x")):
        with pytest.raises(Invalid):
            unpack(tar(entry), root)


def test_directory_nested_deeper_than_a_path_can_say(root: Path, tmp_path: Path) -> None:
    """What a container can make must be removable."""
    root.mkdir()
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    current = os.dup(top)
    for _ in range(3000):
        os.mkdir("deep", dir_fd=current)
        inner = os.open("deep", os.O_RDONLY | os.O_DIRECTORY, dir_fd=current)
        os.close(current)
        current = inner
    os.close(current)
    remove_tree(b"deep", top)
    os.close(top)
    assert os.listdir(root) == []


def test_removal_does_not_follow_symlinks(root: Path) -> None:
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "out").symlink_to(root.parent / "outside")
    (root / "d" / "e" / "out").symlink_to(root.parent)
    parent = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    remove_tree(b"d", parent)
    os.close(parent)
    assert os.listdir(root) == []


def test_umask_does_not_weaken_or_widen_modes(root: Path) -> None:
    old = os.umask(0o077)
    try:
        unpack(tar(file("f", mode=0o666), directory("d", mode=0o777)), root)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(old)
    assert stat.S_IMODE((root / "f").stat().st_mode) == 0o666
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0o777
