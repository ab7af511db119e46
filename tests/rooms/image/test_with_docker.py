"""The same image in both engines: saved by one, loaded by the other, and the same tree in both."""

from __future__ import annotations

import io
import secrets
import shlex
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.images import digest, load, save, world
from support.needs import PEER_DOCKER
from support.rootfs import in_rootfs

pytestmark = pytest.mark.requires("root", "overlay", "namespaces", "busybox", "docker-peer")

CONTAINER = "c" * 64
FIRST = """
mkdir -p /tree/dir/sub /tree/gone /tree/replaced
echo one > /tree/one; echo two > /tree/dir/two; echo old > /tree/replaced/old; echo x > /tree/gone/x
ln /tree/one /tree/dir/linked; ln -s one /tree/symlink; mkfifo /tree/fifo; mknod /tree/null c 1 3
dd if=/dev/zero of=/tree/sparse bs=1 count=1 seek=3000000 2>/dev/null
touch "/tree/odd $(printf '\\377')"; chmod 4711 /tree/one; chown 1234:4321 /tree/dir; chmod 1777 /tree/dir/sub
"""
SECOND = """
rm -r /tree/gone /tree/fifo; rm -r /tree/replaced; mkdir /tree/replaced; echo new > /tree/replaced/new
echo more >> /tree/dir/two; rm /tree/symlink; mkdir /tree/symlink; mv /tree/null /tree/zero
"""
LOOK = """
cd tree; find . | sort | while read -r name; do
  stat -c '%n %f %u %g %Y %t %T %N' "$name"; test -d "$name" || stat -c %h "$name"
  test -f "$name" && md5sum < "$name"
done; true
"""


def docker(*arguments: str, data: bytes | None = None) -> bytes:
    command = ["docker", "-H", PEER_DOCKER, *arguments]
    return subprocess.run(command, check=True, capture_output=True, input=data).stdout


def look_in_docker(image: str) -> str:
    output = docker("run", "--rm", "--network", "none", image, "/bin/busybox", "sh", "-c", LOOK)
    return output.decode(errors="surrogateescape")


@pytest.fixture
def image(mark: str) -> Iterator[str]:
    """An image of three layers, made by Docker."""
    name = f"{mark}-{secrets.token_hex(4)}"  # workers run at the same time
    base = docker("import", "-c", "LABEL a=b", "-", f"{name}:0", data=busybox()).decode().strip()
    made = [base]
    try:
        for number, script in enumerate((FIRST, SECOND), 1):
            container = docker("create", f"{name}:{number - 1}", "/bin/busybox", "sh", "-ec", script).decode().strip()
            try:
                docker("start", "-a", container)
                made.append(docker("commit", container, f"{name}:{number}").decode().strip())
            finally:
                docker("rm", container)
        yield f"{name}:2"
    finally:
        for number in range(2, -1, -1):
            subprocess.run(["docker", "-H", PEER_DOCKER, "rmi", f"{name}:{number}"], capture_output=True, check=False)


def busybox() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        packed.add("/bin/busybox", "bin/busybox")
        for applet in ("sh", "mkdir", "ln", "mkfifo", "mknod", "dd", "touch", "chmod", "chown", "rm", "mv", "printf"):
            link(packed, applet)
        for applet in ("find", "sort", "stat", "md5sum", "test", "cat"):
            link(packed, applet)
    return buffer.getvalue()


def link(packed: tarfile.TarFile, applet: str) -> None:
    info = tarfile.TarInfo(f"bin/{applet}")
    info.type, info.linkname = tarfile.SYMTYPE, "busybox"
    packed.addfile(info)


@pytest.mark.parametrize("driver", ["overlay2", "vfs"])
async def test_an_image_goes_to_docker_and_back(tmp_path: Path, image: str, driver: str) -> None:
    theirs = docker("save", image)
    expected = look_in_docker(image)
    assert expected.count("\n") > 20
    async with world(tmp_path / "data", driver) as here:
        assert await load(here, theirs) == [f"Loaded image: {image}"]
        found = here.service.resolve(image)
        assert found.id == docker("image", "inspect", "-f", "{{.Id}}", image).decode().strip()
        assert str(found.size) == docker("image", "inspect", "-f", "{{.Size}}", image).decode().strip()
        await here.service.create_rw_layer(CONTAINER, found.id)
        inside = f"chroot . /bin/busybox sh -c {shlex.quote(LOOK)}"
        shown = in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", inside)
        assert shown == expected
        ours = await save(here, image)
    docker("rmi", image)
    docker("load", "-q", data=ours)
    assert docker("image", "inspect", "-f", "{{.Id}}", image).decode().strip() == found.id
    again = look_in_docker(image)
    assert again == expected


async def test_saved_archives_hold_the_same_blobs_as_dockers(tmp_path: Path, image: str) -> None:
    async with world(tmp_path / "data") as here:
        theirs = blobs(docker("save", image))
        await load(here, docker("save", image))
        ours = blobs(await save(here, image))
    assert ours.items() <= theirs.items()
    assert all(f"blobs/sha256/{digest(content)[7:]}" == name for name, content in ours.items())


def blobs(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        return {
            info.name: packed.extractfile(info).read()  # type: ignore[union-attr]
            for info in packed
            if info.isfile() and info.name.startswith("blobs/")
        }
