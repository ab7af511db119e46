"""Local volumes that are mounted by option, and the filling of empty ones."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from corral.errors import Internal
from corral.linux import mount
from corral.runtime.init import copyup
from corral.store.database import Database
from corral.store.layout import DataRoot
from corral.volume import mounts
from corral.volume.service import VolumeService

pytestmark = pytest.mark.requires("root", "namespaces")

TMPFS = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,nosuid,uid=1000"}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[VolumeService]:
    database = Database(tmp_path / "corral.db")
    service = VolumeService(DataRoot(tmp_path), database, lambda *_: None)
    yield service
    await service.close()
    database.close()
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        if (target := line.split()[4]).startswith(f"{tmp_path}/"):
            mount.umount2(target, mount.MNT_DETACH)


async def test_it_is_mounted_while_somebody_uses_it(service: VolumeService) -> None:
    data = (await service.create("data", options=TMPFS)).mountpoint
    for user in ("c1", "c2"):
        await service.attach(user, mounts.plan(binds=["data:/x"]))
        await service.mount(user, first_start=True)
    assert os.path.ismount(data)
    assert os.stat(data).st_uid == 1000
    await service.unmount("c1")
    assert os.path.ismount(data)
    await service.unmount("c2")
    await service.unmount("c2")
    assert not os.path.ismount(data)


async def test_the_next_daemon_knows_who_uses_it(service: VolumeService, tmp_path: Path) -> None:
    data = (await service.create("data", options=TMPFS)).mountpoint
    await service.attach("c1", mounts.plan(binds=["data:/x"]))
    await service.mount("c1", first_start=True)
    database = Database(tmp_path / "corral.db")
    later = VolumeService(DataRoot(tmp_path), database, lambda *_: None)
    await later.restore({"c1"}, {"c1"})
    assert os.path.ismount(data)
    await later.restore({"c1"}, set())
    assert not os.path.ismount(data)
    database.close()


async def test_a_bind_volume_shows_another_directory(service: VolumeService, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    options = {"type": "none", "device": str(tmp_path / "elsewhere"), "o": "bind"}
    data = (await service.create("data", options=options)).mountpoint
    await service.attach("c1", mounts.plan(binds=["data:/x"]))
    await service.mount("c1", first_start=True)
    assert os.listdir(data) == ["file"]
    await service.unmount("c1")
    await service.detach("c1", anonymous=False)
    await service.remove("data")
    assert (tmp_path / "elsewhere" / "file").exists()


async def test_a_mount_that_fails_says_what_was_mounted(service: VolumeService, tmp_path: Path) -> None:
    options = {"type": "none", "device": str(tmp_path / "missing"), "o": "bind"}
    await service.create("data", options=options)
    await service.attach("c1", mounts.plan(binds=["data:/x"]))
    with pytest.raises(Internal, match="failed to mount local volume: mount "):
        await service.mount("c1", first_start=True)


def test_an_empty_volume_becomes_like_the_images_directory(tmp_path: Path) -> None:
    image, volume = tmp_path / "image", tmp_path / "volume"
    (image / "sub").mkdir(parents=True)
    volume.mkdir()
    (image / "sub" / "file").write_text("content")
    (image / "link").symlink_to("/etc/passwd")
    os.chown(image / "sub" / "file", 999, 998)
    os.chmod(image / "sub" / "file", 0o4750)
    os.utime(image / "sub" / "file", ns=(1, 2_000_000_003))
    os.setxattr(image / "sub" / "file", "user.note", b"kept")
    os.chown(image, 70, 71)
    os.chmod(image, 0o1777)
    _fill(image, volume)
    status = os.stat(volume)
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (70, 71, 0o1777)
    copied = os.stat(volume / "sub" / "file")
    assert (copied.st_uid, copied.st_gid, copied.st_mode & 0o7777) == (999, 998, 0o4750)
    assert copied.st_mtime_ns == 2_000_000_003
    assert os.getxattr(volume / "sub" / "file", "user.note") == b"kept"
    assert os.readlink(volume / "link") == "/etc/passwd"


def test_a_volume_with_content_stays_as_it_is(tmp_path: Path) -> None:
    image, volume = tmp_path / "image", tmp_path / "volume"
    image.mkdir()
    volume.mkdir()
    (image / "new").touch()
    (volume / "old").touch()
    os.chown(image, 70, 71)
    _fill(image, volume)
    assert os.listdir(volume) == ["old"]
    assert os.stat(volume).st_uid == 0


def _fill(image: Path, volume: Path) -> None:
    source, destination = os.open(image, os.O_PATH), os.open(volume, os.O_PATH)
    try:
        copyup.fill(source, destination)
    finally:
        os.close(source)
        os.close(destination)
