"""Removals survive the way from overlayfs to a tar and back, in both spellings."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from corral.archive.apply import Whiteouts
from corral.archive.copy import copy_tree
from corral.archive.diff import diff
from support import tars
from support.trees import Description, describe, difference, make_everything

pytestmark = pytest.mark.requires("root", "overlay", "namespaces")

CHANGES = """
rm one
rm -r dir && mkdir dir && echo new > dir/new
rm -r sticky
rm block && mkdir block && echo in > block/in
rm -r closed && echo file > closed
mv large moved
echo more >> blocks
chmod 0711 setuid
chown 5:6 empty
ln zz-linked another-link
python3 -c 'import os; os.setxattr("blocks", "user.note", b"changed")'
ln -sf elsewhere symlink
mkfifo new-fifo
mknod new-null c 1 3
touch -d @1234567890.987654321 attributes
mkdir -p a/b/c && touch a/b/c/d
chmod 0750 .
"""


def mounted(lower: Path, upper: Path, script: str, output: Path | None = None) -> None:
    """Runs ``script`` in the merged tree, in a mount namespace of its own; copies the result to ``output``."""
    work, merged = upper.parent / (upper.name + "-work"), upper.parent / (upper.name + "-merged")
    for directory in (upper, work, merged):
        directory.mkdir(exist_ok=True)
    options = f"lowerdir={lower},upperdir={upper},workdir={work},index=off,redirect_dir=off,metacopy=off"
    copy = f"cp -a . {output}" if output else ":"
    shell = f"mount -t overlay overlay -o {options} {merged} && cd {merged} && set -e\n{script}\n{copy}"
    subprocess.run(["unshare", "-m", "sh", "-ec", shell], check=True)


def packed(root: Path, base: Path | None = None) -> bytes:
    return b"".join(diff(str(root), None if base is None else str(base)))


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    make_everything(tmp_path / "lower")
    return tmp_path / "lower"


@pytest.fixture
def changed(tmp_path: Path, lower: Path) -> tuple[Path, Description]:
    """An upper directory, and the tree that it makes of ``lower``."""
    result = tmp_path / "result"
    mounted(lower, tmp_path / "upper", CHANGES, result)
    return tmp_path / "upper", describe(result, times="files")


def test_an_upper_directory_becomes_the_same_upper_directory(tmp_path: Path, changed: tuple[Path, Description]) -> None:
    upper, _ = changed
    tars.unpack(packed(upper), tmp_path / "again")
    assert difference(describe(upper), describe(tmp_path / "again")) == []


def test_a_layer_on_overlayfs_shows_the_same_tree(
    tmp_path: Path, lower: Path, changed: tuple[Path, Description]
) -> None:
    upper, expected = changed
    tars.unpack(packed(upper), tmp_path / "again")
    mounted(lower, tmp_path / "again", "", tmp_path / "shown")
    assert difference(expected, describe(tmp_path / "shown", times="files")) == []


def test_a_layer_carried_out_on_a_copy_gives_the_same_tree(
    tmp_path: Path, lower: Path, changed: tuple[Path, Description]
) -> None:
    upper, expected = changed
    (tmp_path / "copy").mkdir()
    copy_tree(str(lower), str(tmp_path / "copy"))
    tars.unpack(packed(upper), tmp_path / "copy", Whiteouts.REMOVE)
    assert difference(expected, describe(tmp_path / "copy", times="files")) == []


def test_comparing_two_trees_gives_a_layer_that_leads_from_one_to_the_other(tmp_path: Path, lower: Path) -> None:
    base, root = tmp_path / "base", tmp_path / "root"
    for target in (base, root):
        target.mkdir()
        copy_tree(str(lower), str(target))
    assert difference(describe(lower), describe(root)) == []
    subprocess.run(["sh", "-ec", CHANGES], cwd=root, check=True)
    tars.unpack(packed(root, base), base, Whiteouts.REMOVE)
    assert difference(describe(root, times="files"), describe(base, times="files")) == []


def test_an_unchanged_copy_has_no_changes(tmp_path: Path, lower: Path) -> None:
    (tmp_path / "copy").mkdir()
    copy_tree(str(lower), str(tmp_path / "copy"))
    assert packed(tmp_path / "copy", lower) == bytes(1024)


def test_whiteouts_are_spelled_as_docker_spells_them(tmp_path: Path, changed: tuple[Path, Description]) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(changed[0]))) as archive:
        names = archive.getnames()
    assert {".wh.one", ".wh.sticky", ".wh.large", "dir/.wh..wh..opq", "block/.wh..wh..opq"} <= set(names)
    assert "one" not in names


def test_a_whiteout_spares_what_its_own_layer_brings(tmp_path: Path) -> None:
    layer = tars.tar(tars.file("kept", b"new"), tars.file(".wh.kept"), tars.file(".wh.gone"), tars.file("gone", b"new"))
    tars.unpack(layer, tmp_path / "upper")
    assert (tmp_path / "upper" / "kept").read_bytes() == b"new"
    assert (tmp_path / "upper" / "gone").read_bytes() == b"new"
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "kept").write_bytes(b"old")
    tars.unpack(layer, tmp_path / "tree", Whiteouts.REMOVE)
    assert (tmp_path / "tree" / "kept").read_bytes() == b"new"
    assert (tmp_path / "tree" / "gone").read_bytes() == b"new"


def test_a_directory_that_replaces_a_removed_one_hides_its_contents(tmp_path: Path) -> None:
    layer = tars.tar(tars.file(".wh.dir"), tars.directory("dir"), tars.file("dir/new", b"new"))
    lower = tmp_path / "lower"
    (lower / "dir").mkdir(parents=True)
    (lower / "dir" / "old").write_bytes(b"old")
    tars.unpack(layer, tmp_path / "upper")
    mounted(lower, tmp_path / "upper", "", tmp_path / "shown")
    assert os.listdir(tmp_path / "shown" / "dir") == ["new"]
    tars.unpack(layer, lower, Whiteouts.REMOVE)
    assert os.listdir(lower / "dir") == ["new"]


@pytest.mark.parametrize("order", ["before", "after"])
def test_an_opaque_mark_spares_what_its_own_layer_brings(tmp_path: Path, order: str) -> None:
    mark, new = tars.file("dir/.wh..wh..opq"), tars.file("dir/new", b"new")
    layer = tars.tar(tars.directory("dir"), *((mark, new) if order == "before" else (new, mark)))
    lower = tmp_path / "lower"
    (lower / "dir" / "sub").mkdir(parents=True)
    (lower / "dir" / "sub" / "old").write_bytes(b"old")
    tars.unpack(layer, tmp_path / "upper")
    mounted(lower, tmp_path / "upper", "", tmp_path / "shown")
    assert os.listdir(tmp_path / "shown" / "dir") == ["new"]
    tars.unpack(layer, lower, Whiteouts.REMOVE)
    assert os.listdir(lower / "dir") == ["new"]


def test_marks_of_aufs_itself_are_passed_over(tmp_path: Path) -> None:
    layer = tars.tar(tars.file(".wh..wh.aufs"), tars.directory(".wh..wh.orph"), tars.directory(".wh..wh.plnk"))
    tars.unpack(layer, tmp_path / "upper")
    assert os.listdir(tmp_path / "upper") == []


def test_names_that_look_like_whiteouts_are_kept_in_archives_that_are_no_layers(tmp_path: Path) -> None:
    tars.unpack(tars.tar(tars.file(".wh.x", b"a file")), tmp_path / "tree", Whiteouts.KEEP)
    assert (tmp_path / "tree" / ".wh.x").read_bytes() == b"a file"
