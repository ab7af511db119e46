"""What every storage driver keeps to: one suite, run over each."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corral.archive import recipe
from corral.archive.diff import diff
from corral.errors import Internal, Invalid, NotFound, Unsupported
from corral.image.graphdriver import mountpoints
from corral.image.graphdriver.btrfs import Btrfs
from corral.image.graphdriver.choose import check
from corral.image.graphdriver.driver import GraphDriver
from corral.image.graphdriver.fuse_overlayfs import FuseOverlayfs
from corral.image.graphdriver.overlay2 import Overlay2
from corral.image.graphdriver.vfs import Vfs
from support.loops import loop_btrfs
from support.rootfs import in_rootfs
from support.tars import directory, file, hardlink, symlink, tar, unpack

pytestmark = pytest.mark.requires("root", "overlay", "namespaces")

BASE = tar(
    directory("./", mode=0o711),
    directory("etc"),
    file("etc/hosts", b"of the image\n", mode=0o640),
    file("etc/gone", b"gone\n"),
    directory("dir"),
    file("dir/old", b"old\n"),
    file("kept", b"kept\n", uid=1000, gid=1001),
    hardlink("linked", "kept"),
    symlink("way", "dir"),
)
SECOND = tar(
    file("etc/.wh.gone"),
    directory("dir"),
    file("dir/.wh..wh..opq"),
    file("dir/new", b"new\n"),
    file("added", b"added\n"),
)
CONTAINER = "c" * 64
OTHER = "d" * 64

DRIVERS: dict[str, Callable[[Path], GraphDriver]] = {
    "overlay2": Overlay2,
    "vfs": Vfs,
    "btrfs": Btrfs,
    "fuse-overlayfs": FuseOverlayfs,
}
MARKS = {name: [pytest.mark.requires(name)] for name in ("btrfs", "fuse-overlayfs")}


@pytest.fixture(params=[pytest.param(name, marks=MARKS.get(name, ())) for name in DRIVERS])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphDriver]:
    with contextlib.ExitStack() as stack:
        if request.param == "btrfs":
            stack.enter_context(loop_btrfs(tmp_path / "disk", tmp_path / "data"))
        (tmp_path / "data").mkdir(exist_ok=True)
        made = DRIVERS[request.param](tmp_path / "data" / request.param)
        yield made
        for name in made.ids():
            made.rest(name)


@pytest.fixture
def trash(driver: GraphDriver, tmp_path: Path) -> Path:
    (tmp_path / "data" / "trash").mkdir()
    return tmp_path / "data" / "trash"


@pytest.fixture
def run(driver: GraphDriver, tmp_path: Path) -> Callable[..., str]:
    """Runs a script in the root of a container on a layer, the stack's unless told otherwise."""

    def run(container: str, script: str, parent: str | None = "2" * 64) -> str:
        return in_rootfs(driver.mounts(container, parent), tmp_path / "merged", script)

    return run


def changes_of(driver: GraphDriver, parent: str) -> bytes:
    """The tar of what the container changed."""
    source = driver.diff(CONTAINER, parent)
    return b"".join(diff(source.root, source.base, root_given=source.root_changed))


def add(driver: GraphDriver, name: str, parent: str | None, content: bytes) -> str:
    cache_id = name * 64
    staging = driver.create(cache_id, parent)
    applier = unpack(
        content, Path(staging.root), staging.whiteouts, recipe=Path(staging.recipe), aside=Path(staging.aside)
    )
    driver.settle(cache_id, parent, root_given=applier.root_given)
    return cache_id


@pytest.fixture
def stack(driver: GraphDriver) -> str:
    """Two layers; the cache id of the upper one."""
    return add(driver, "2", add(driver, "1", None, BASE), SECOND)


def test_a_stack_of_layers_is_one_root(driver: GraphDriver, stack: str, run: Callable[..., str]) -> None:
    driver.create_rw(CONTAINER, stack, {})
    assert run(CONTAINER, "cat dir/* added kept linked way/new") == "new\nadded\nkept\nkept\nnew\n"
    assert run(CONTAINER, "test ! -e etc/gone && test ! -e dir/old && ls dir") == "new\n"
    assert run(CONTAINER, "stat -c %a:%u:%g kept etc/hosts") == "644:1000:1001\n640:0:0\n"


def test_the_root_directory_has_the_attributes_of_the_image(
    driver: GraphDriver, stack: str, run: Callable[..., str]
) -> None:
    driver.create_rw(CONTAINER, stack, {})
    assert run(CONTAINER, "stat -c %a .") == "711\n"


def test_mount_points_are_there_although_the_image_lacks_them(
    driver: GraphDriver, stack: str, run: Callable[..., str]
) -> None:
    driver.create_rw(CONTAINER, stack, {})
    assert run(CONTAINER, "ls -d proc sys dev etc/resolv.conf etc/hostname | wc -l").strip() == "5"
    assert run(CONTAINER, "cat etc/hosts") == "of the image\n"


def test_a_container_without_an_image_has_an_empty_root(driver: GraphDriver, run: Callable[..., str]) -> None:
    driver.create_rw(CONTAINER, None, {})
    assert run(CONTAINER, "ls", None) == "dev\netc\nproc\nsys\n"


def test_containers_do_not_see_each_others_changes(driver: GraphDriver, stack: str, run: Callable[..., str]) -> None:
    driver.create_rw(CONTAINER, stack, {})
    driver.create_rw(OTHER, stack, {})
    run(CONTAINER, "echo mine > kept; rm added; mkdir made; chmod 0700 .")
    assert run(OTHER, "cat kept added; test ! -e made; stat -c %a .") == "kept\nadded\n711\n"
    assert run(CONTAINER, "cat kept; test ! -e added") == "mine\n"


def test_changes_of_a_container_become_a_layer_that_shows_the_same(
    driver: GraphDriver, stack: str, run: Callable[..., str]
) -> None:
    driver.create_rw(CONTAINER, stack, {})
    script = "rm added; rm -r dir; mkdir dir; echo x > dir/x; echo more >> kept; chown 5:6 etc; mkfifo fifo; ln kept l2"
    run(CONTAINER, script)
    third = add(driver, "3", stack, changes_of(driver, stack))
    driver.create_rw(OTHER, third, {})
    look = "find . -not -name . -printf '%p %M %U %G %l\\n' | sort; cat kept dir/x; test kept -ef l2; echo $?"
    assert run(OTHER, look, third) == run(CONTAINER, look)


def test_a_new_container_has_no_changes(driver: GraphDriver, stack: str) -> None:
    driver.create_rw(CONTAINER, stack, {})
    assert changes_of(driver, stack) == bytes(1024)
    assert driver.usage(CONTAINER, stack) == 0


def test_usage_counts_what_the_container_wrote(driver: GraphDriver, stack: str, run: Callable[..., str]) -> None:
    driver.create_rw(CONTAINER, stack, {})
    run(CONTAINER, "head -c 1000 /dev/zero > file; ln file again; rm added")
    assert driver.usage(CONTAINER, stack) in (1000, 2000)  # vfs compares names, overlay2 counts inodes


def test_a_layer_gives_back_its_own_tar(driver: GraphDriver, stack: str) -> None:
    for cache_id, content in (("1" * 64, BASE), (stack, SECOND)):
        files = driver.files(cache_id)
        assert b"".join(recipe.assemble(files.recipe, files.root, files.aside)) == content


def test_creating_twice(driver: GraphDriver, stack: str, run: Callable[..., str]) -> None:
    with pytest.raises(Internal):
        driver.create(stack, None)
    driver.create_rw(CONTAINER, stack, {})
    run(CONTAINER, "echo mine > file")
    driver.create_rw(CONTAINER, stack, {})
    assert run(CONTAINER, "cat file") == "mine\n"


def test_removal_detaches_at_once_and_spares_the_layers_below(
    driver: GraphDriver, stack: str, trash: Path, run: Callable[..., str]
) -> None:
    driver.create_rw(CONTAINER, stack, {})
    assert driver.ids() == {"1" * 64, stack, CONTAINER}
    moved = driver.remove(CONTAINER, trash)
    assert moved is not None
    assert moved.parent == trash
    assert driver.ids() == {"1" * 64, stack}
    with pytest.raises(NotFound):
        driver.mounts(CONTAINER, stack)
    driver.create_rw(CONTAINER, stack, {})
    assert run(CONTAINER, "cat added") == "added\n"


def test_removing_what_is_not_there(driver: GraphDriver, trash: Path) -> None:
    assert driver.remove(CONTAINER, trash) is None


def test_unknown_storage_option(driver: GraphDriver, stack: str) -> None:
    with pytest.raises(Invalid, match="quantum"):
        driver.create_rw(CONTAINER, stack, {"quantum": "1"})


def test_layers_survive_a_new_driver_object(driver: GraphDriver, stack: str, tmp_path: Path) -> None:
    again = DRIVERS[driver.name](tmp_path / "data" / driver.name)
    again.create_rw(CONTAINER, stack, {})
    assert in_rootfs(again.mounts(CONTAINER, stack), tmp_path / "merged", "cat added") == "added\n"


def test_a_stack_of_128_layers_fits_the_mount_options(driver: GraphDriver, tmp_path: Path) -> None:
    parent = None
    for number in range(128):
        cache_id = f"{number:064x}"
        staging = driver.create(cache_id, parent)
        unpack(tar(file(f"f{number}", b"%d\n" % number)), Path(staging.root), staging.whiteouts)
        driver.settle(cache_id, parent, root_given=False)
        parent = cache_id
    driver.create_rw(CONTAINER, parent, {})
    mounts = driver.mounts(CONTAINER, parent)
    assert all(len(",".join(mount.options)) < os.sysconf("SC_PAGESIZE") for mount in mounts)
    assert in_rootfs(mounts, tmp_path / "merged", "cat f0 f127; ls -d f* | wc -l") == "0\n127\n128\n"


def test_the_directory_below_all_images_is_no_layer(driver: GraphDriver, stack: str) -> None:
    assert mountpoints.ID not in driver.ids()


def test_modes_do_not_depend_on_the_umask(driver: GraphDriver, run: Callable[..., str]) -> None:
    old = os.umask(0o077)
    try:
        layer = add(driver, "1", None, tar(file("f", b"x")))
        driver.create_rw(CONTAINER, layer, {})
        driver.create_rw(OTHER, None, {})
    finally:
        os.umask(old)
    assert run(CONTAINER, "stat -c %a .", layer) == "755\n"
    assert run(OTHER, "stat -c %a . etc", None) == "755\n755\n"


@pytest.mark.requires("btrfs")
def test_subvolumes_that_a_container_made_go_with_it(tmp_path: Path) -> None:
    with loop_btrfs(tmp_path / "disk", tmp_path / "data"):
        driver = Btrfs(tmp_path / "data" / "btrfs")
        driver.create_rw(CONTAINER, None, {})
        tree = Path(driver.mounts(CONTAINER, None)[0].source)
        for name in ("sub", "sub/inner", "dir/other"):
            (tree / name).parent.mkdir(exist_ok=True)
            subprocess.run(["btrfs", "-q", "subvolume", "create", tree / name], check=True)
            (tree / name / "file").write_text("x")
        (tmp_path / "data" / "trash").mkdir()
        moved = driver.remove(CONTAINER, tmp_path / "data" / "trash")
        assert moved is not None
        assert list(moved.iterdir()) == []
        assert driver.ids() == set()


@pytest.mark.requires("fuse-overlayfs")
def test_a_killed_program_is_mounted_anew(tmp_path: Path) -> None:
    driver = FuseOverlayfs(tmp_path / "fuse-overlayfs")
    driver.create_rw(CONTAINER, None, {})
    merged = Path(driver.mounts(CONTAINER, None)[0].source)
    (merged / "kept").write_text("kept")
    pid = next(
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and str(merged) in (process / "cmdline").read_bytes().decode(errors="replace")
    )
    os.kill(pid, signal.SIGKILL)
    try:
        assert Path(driver.mounts(CONTAINER, None)[0].source, "kept").read_text() == "kept"
    finally:
        driver.rest(CONTAINER)


def test_btrfs_is_refused_on_another_file_system(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="wrong filesystem"):
        Btrfs(tmp_path / "btrfs")


def test_options_of_the_daemon_are_known_or_refused_by_name() -> None:
    check("overlay2", ["overlay2.override_kernel_check=true"])
    for name, option, words in (
        ("overlay2", "overlay2.size=10G", "overlay2.size is not supported"),
        ("btrfs", "btrfs.min_space=1G", "btrfs.min_space is not supported"),
        ("overlay2", "dm.fs=xfs", "unknown option dm.fs"),
        ("vfs", "nothing", "unable to parse"),
    ):
        with pytest.raises(Invalid, match=words):
            check(name, [option])
