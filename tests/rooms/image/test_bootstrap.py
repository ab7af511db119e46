"""First images without a registry."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from corral.errors import Internal, Invalid, Unavailable
from corral.image.bootstrap import busybox, tools
from support.images import World, world
from support.rootfs import in_rootfs

pytestmark = pytest.mark.requires("root", "overlay", "namespaces")

CONTAINER = "c" * 64


async def bootstrap(here: World, name: str) -> list[str]:
    """The lines that a person sees at the end."""
    return [message.stream.rstrip() async for message in here.service.bootstrap(name) if message.stream]


@pytest.mark.requires("busybox")
async def test_busybox(tmp_path: Path) -> None:
    async with world(tmp_path / "data") as here:
        assert await bootstrap(here, "busybox") == ["Loaded image: busybox:latest"]
        image = here.service.resolve("busybox")
        assert image.config.runtime.cmd == ["sh"]
        await here.service.create_rw_layer(CONTAINER, image.id)
        script = "chroot . /bin/sh -c 'id -un; ls /tmp; stat -c %a /tmp; env -i true; grep -c . /etc/group'"
        shown = in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", script)
        assert shown.split() == ["root", "1777", "14"]
        assert here.actions() == ["import", "tag"]
        assert await bootstrap(here, "busybox:latest") == ["Loaded image: busybox:latest"]
        assert len(here.on_disk()) == 2, "the same layer again"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.requires("mmdebstrap", "package-mirror")
async def test_debian(tmp_path: Path) -> None:
    async with world(tmp_path / "data") as here:
        lines = await bootstrap(here, "debian")
        assert lines[-1] == "Loaded image: debian:latest"
        image = here.service.resolve("debian")
        assert image.config.runtime.cmd == ["bash"]
        await here.service.create_rw_layer(CONTAINER, image.id)
        script = "chroot . bash -c 'dpkg --audit; cat /etc/apt/sources.list; ls /usr/sbin/policy-rc.d'"
        shown = in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", script)
        assert "deb " in shown
        assert "/usr/sbin/policy-rc.d" in shown
        look = "cat etc/hostname etc/resolv.conf; find var/lib/apt/lists var/cache/apt -type f -size +0 | wc -l"
        assert in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", look) == "0\n"


@pytest.mark.parametrize("name", ["alpine", "debian:no such suite", "debian:../x", "busybox:1.36", ""])
async def test_what_cannot_be_made(tmp_path: Path, name: str) -> None:
    async with world(tmp_path / "data") as here:
        with pytest.raises(Invalid, match="cannot bootstrap"):
            await bootstrap(here, name)


async def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(Unavailable, match="mmdebstrap is not installed; install it with: apt-get install mmdebstrap"):
        tools.Tool("mmdebstrap", "mmdebstrap").find()


def fake_mmdebstrap(directory: Path, script: str) -> None:
    program = directory / "mmdebstrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


async def test_a_failing_tool_is_quoted_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_mmdebstrap(tmp_path, "echo 'I: running apt-get update...' >&2; echo 'E: the mirror is gone' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    async with world(tmp_path / "data") as here:
        with pytest.raises(Internal, match="cannot bootstrap debian:sid: mmdebstrap failed: E: the mirror is gone"):
            await bootstrap(here, "debian:sid")
        assert here.on_disk() == set()


async def test_a_tool_that_fails_after_a_whole_archive_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_mmdebstrap(tmp_path, "head -c 10240 /dev/zero; exit 3")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    async with world(tmp_path / "data") as here:
        with pytest.raises(Internal, match="mmdebstrap failed"):
            await bootstrap(here, "debian:sid")
        assert here.on_disk() == set()
        assert here.names() == []


async def test_giving_up_ends_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_mmdebstrap(tmp_path, f"echo $$ > {tmp_path}/pid; echo 'I: extracting archives...' >&2; sleep 60")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    async with world(tmp_path / "data") as here:
        stream = here.service.bootstrap("debian:sid")
        assert (await anext(stream)).status == "extracting archives"
        await stream.aclose()  # type: ignore[attr-defined]
        assert here.on_disk() == set()
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


@pytest.mark.requires("busybox", "package-mirror")
async def test_busybox_from_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has no static busybox the package is fetched, not installed."""
    monkeypatch.setattr(busybox, "is_static", lambda path, real=busybox.is_static: "/tmp/" in path and real(path))
    async with world(tmp_path / "data") as here:
        assert await asyncio.wait_for(bootstrap(here, "busybox"), 120) == ["Loaded image: busybox:latest"]
        assert list(here.data.tmp.iterdir()) == []
