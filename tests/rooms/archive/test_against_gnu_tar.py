"""Archives go to GNU tar and come from it, and nothing is lost on the way."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from corral.archive import recipe
from corral.archive.diff import diff
from support.tars import unpack
from support.trees import describe, difference, gnu_tar, make_everything

pytestmark = pytest.mark.requires("root", "tar")

ALL_XATTRS = ("--xattrs", "--xattrs-include=*")


@pytest.mark.parametrize("sparse", [(), ("--sparse",)], ids=["plain", "sparse"])
def test_unpacks_what_gnu_tar_packed_in_pax_format(tmp_path: Path, sparse: tuple[str, ...]) -> None:
    make_everything(tmp_path / "source")
    content = gnu_tar("-c", "--format=posix", *ALL_XATTRS, *sparse, "-C", tmp_path / "source", ".")
    unpack(content, tmp_path / "target")
    assert difference(describe(tmp_path / "source"), describe(tmp_path / "target")) == []


@pytest.mark.parametrize("sparse", [(), ("--sparse",)], ids=["plain", "sparse"])
@pytest.mark.parametrize("form", ["gnu", "oldgnu"])
def test_unpacks_what_gnu_tar_packed_in_its_own_formats(tmp_path: Path, form: str, sparse: tuple[str, ...]) -> None:
    make_everything(tmp_path / "source")
    content = gnu_tar("-c", f"--format={form}", *sparse, "-C", tmp_path / "source", ".")
    unpack(content, tmp_path / "target")
    options = {"times": "s", "xattrs": False}
    assert difference(describe(tmp_path / "source", **options), describe(tmp_path / "target", **options)) == []


@pytest.mark.parametrize("form", ["ustar", "v7"])
def test_unpacks_what_gnu_tar_packed_in_old_formats(tmp_path: Path, form: str) -> None:
    make_everything(tmp_path / "source", large_owner=False, long_names=False)
    for name in ("long-target", "fifo", "null", "disk"):
        (tmp_path / "source" / name).unlink()
    content = gnu_tar("-c", f"--format={form}", "-C", tmp_path / "source", ".")
    unpack(content, tmp_path / "target")
    options = {"times": "s", "xattrs": False}
    assert difference(describe(tmp_path / "source", **options), describe(tmp_path / "target", **options)) == []


@pytest.mark.parametrize("version", ["0.0", "0.1", "1.0"])
def test_unpacks_each_sparse_format_with_its_holes(tmp_path: Path, version: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with open(source / "sparse", "wb") as file:
        for island in range(60):  # more than fit the header of the old format
            file.seek(island * (1 << 20))
            file.write(b"island %d" % island)
        file.truncate(100 << 20)
    content = gnu_tar("-c", "--format=posix", "--sparse", f"--sparse-version={version}", "-C", source, ".")
    unpack(content, tmp_path / "target")
    assert difference(describe(source), describe(tmp_path / "target")) == []
    assert (tmp_path / "target" / "sparse").stat().st_blocks * 512 < 2 << 20


def test_gnu_tar_unpacks_what_diff_packed(tmp_path: Path) -> None:
    make_everything(tmp_path / "source")
    archive = tmp_path / "archive.tar"
    with open(archive, "wb") as file:
        file.writelines(diff(str(tmp_path / "source"), None))
    assert archive.stat().st_size < 4 << 20, "holes were written out"
    (tmp_path / "target").mkdir()
    gnu_tar("-x", *ALL_XATTRS, "--numeric-owner", "-p", "-f", archive, "-C", tmp_path / "target")
    assert difference(describe(tmp_path / "source"), describe(tmp_path / "target")) == []
    assert (tmp_path / "target" / "sparse").stat().st_blocks * 512 < 1 << 20


def test_gnu_tar_lists_the_names_that_diff_packed(tmp_path: Path) -> None:
    make_everything(tmp_path / "source")
    archive = tmp_path / "archive.tar"
    with open(archive, "wb") as file:
        file.writelines(diff(str(tmp_path / "source"), None))
    ours = gnu_tar("-t", "--quoting-style=escape", "-f", archive).splitlines()
    theirs = gnu_tar("-c", "--format=posix", "-C", tmp_path / "source", ".")
    (tmp_path / "theirs.tar").write_bytes(theirs)
    listed = gnu_tar("-t", "--quoting-style=escape", "-f", tmp_path / "theirs.tar").splitlines()
    assert sorted(ours) == sorted(name.removeprefix(b"./") or b"./" for name in listed)


@pytest.mark.parametrize("form", ["posix", "gnu", "oldgnu", "ustar"])
@pytest.mark.parametrize("sparse", [(), ("--sparse",)], ids=["plain", "sparse"])
def test_a_recipe_makes_the_same_archive_again(tmp_path: Path, form: str, sparse: tuple[str, ...]) -> None:
    if sparse and form == "ustar":
        pytest.skip("ustar has no sparse files")
    small = form == "ustar"
    make_everything(tmp_path / "source", large_owner=not small, long_names=not small)
    if small:
        (tmp_path / "source" / "long-target").unlink()
    options = ALL_XATTRS if form == "posix" else ()
    content = gnu_tar("-c", f"--format={form}", *options, *sparse, "-C", tmp_path / "source", ".")
    unpack(content, tmp_path / "target", recipe=tmp_path / "recipe", aside=tmp_path / "aside")
    again = b"".join(recipe.assemble(str(tmp_path / "recipe"), str(tmp_path / "target"), str(tmp_path / "aside")))
    assert again == content
    assert not (tmp_path / "aside").exists()


def test_diff_and_apply_are_each_others_inverse(tmp_path: Path) -> None:
    make_everything(tmp_path / "source")
    packed = io.BytesIO()
    packed.writelines(diff(str(tmp_path / "source"), None))
    unpack(packed.getvalue(), tmp_path / "target")
    assert difference(describe(tmp_path / "source"), describe(tmp_path / "target")) == []
    again = io.BytesIO()
    again.writelines(diff(str(tmp_path / "target"), None))
    assert again.getvalue() == packed.getvalue()
