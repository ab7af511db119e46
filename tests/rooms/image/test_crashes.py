"""What was acknowledged is there after any stop, and what was half done is gone."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.image.layer.trash import Trash
from support.images import BASE, LABELED, World, config, load, pieces, save, saved, world
from support.rootfs import in_rootfs
from support.tars import file, tar

pytestmark = pytest.mark.requires("root", "overlay", "namespaces")

CONTAINER = "c" * 64
UPPER = tar(file("etc/motd", b"upper\n"))

VICTIM = """
    import asyncio, os, sys
    sys.path[:0] = {paths!r}
    from pathlib import Path
    from support.images import BASE, UPPER, pieces, saved, world
    from support.tars import file, tar

    async def slowly(content):
        yield content[:700]
        print("under way", flush=True)
        await asyncio.sleep(60)

    async def main():
        async with world(Path({root!r})) as here:
            await here.service.import_(pieces(BASE), "done", "1")
            await here.service.create_rw_layer("c" * 64, here.service.resolve("done:1").id)
            await here.service.tag("done:1", "done", "1")  # whatever is written next makes the layer durable
            {action}

    asyncio.run(main())
"""


def killed_while(root: Path, action: str) -> None:
    """Runs ``action`` in a process of its own and kills it, without warning, when it is under way."""
    source = textwrap.dedent(VICTIM).format(paths=sys.path, root=str(root), action=action)
    source = source.replace("UPPER, pieces", "pieces")
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"under way\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


async def nothing_but_done(root: Path, merged: Path) -> None:
    async with world(root) as here:
        assert here.names() == ["done:1"]
        layers = here.service.layers
        assert here.on_disk() == layers.cache_ids() | {CONTAINER}
        assert len(layers) == 1
        assert list(here.data.ingest.iterdir()) == []
        assert list(here.data.tmp.glob("load-*")) == []
        assert len(list(here.service.content.digests())) == 1
        assert in_rootfs(here.service.rootfs(CONTAINER), merged, "cat etc/issue") == "base\n"
        await here.service.remove("done:1", force=True)
        await here.service.remove_rw_layer(CONTAINER)
        assert here.on_disk() == set()


async def test_killed_in_the_middle_of_an_import(tmp_path: Path) -> None:
    killed_while(tmp_path / "data", 'await here.service.import_(slowly(tar(file("x", b"x" * 5000))), "half", "1")')
    await nothing_but_done(tmp_path / "data", tmp_path / "merged")


async def test_killed_in_the_middle_of_a_load(tmp_path: Path) -> None:
    action = '[m async for m in here.service.load(slowly(saved(tar(file("x", b"x" * 5000)), tags=["half:1"])))]'
    killed_while(tmp_path / "data", action)
    await nothing_but_done(tmp_path / "data", tmp_path / "merged")


async def test_cancelled_in_the_middle_of_an_import(tmp_path: Path) -> None:
    async with world(tmp_path / "data") as here:
        reached = asyncio.Event()

        async def stuck() -> object:
            yield BASE[:700]
            reached.set()
            await asyncio.sleep(60)

        task = asyncio.create_task(here.service.import_(stuck(), "half", "1"))  # type: ignore[arg-type]
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert here.on_disk() == set()
        assert await here.service.import_(pieces(BASE), "whole", "1")


async def crashed_before(root: Path, step: Callable[[World], None]) -> World:
    """Opens what a crash left, which ``step`` describes, and returns the world after its start."""
    async with world(root) as here:
        await load(here, saved(BASE, UPPER, tags=["two:1"]))
        step(here)
    async with world(root) as again:
        return again


async def test_a_layer_without_a_record_is_garbage(tmp_path: Path) -> None:
    def step(here: World) -> None:
        here.service.layers.driver.create("f" * 64, None)

    again = await crashed_before(tmp_path / "data", step)
    assert "f" * 64 not in again.on_disk()
    assert len(again.on_disk()) == 2


async def test_a_layer_that_no_image_came_to_use_is_garbage(tmp_path: Path) -> None:
    """The daemon died between the last layer of a load and its image."""

    def step(here: World) -> None:
        with sqlite3.connect(here.data.database) as database:
            database.execute("DELETE FROM images")
            database.execute("DELETE FROM image_references")

    again = await crashed_before(tmp_path / "data", step)
    assert again.on_disk() == set()
    assert list(again.service.content.digests()) == []


async def test_a_configuration_without_an_image_is_garbage(tmp_path: Path) -> None:
    again = await crashed_before(tmp_path / "data", lambda here: here.service.content.write(config(LABELED)) and None)
    assert len(list(again.service.content.digests())) == 1


async def test_a_read_write_layer_lost_to_a_power_failure_is_made_again(tmp_path: Path) -> None:
    async with world(tmp_path / "data") as here:
        image_id = await here.service.import_(pieces(BASE), "a", "1")
        await here.service.create_rw_layer(CONTAINER, image_id)
    shutil.rmtree(tmp_path / "data" / "overlay2" / CONTAINER)
    async with world(tmp_path / "data") as here:
        assert in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", "cat etc/issue") == "base\n"


async def test_what_was_thrown_away_is_deleted_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "data" / "trash" / "old" / "deep").mkdir(parents=True)
    async with world(tmp_path / "data") as here:
        await asyncio.to_thread(here.service.flush_trash)
        assert list(here.data.trash.iterdir()) == []


async def test_a_data_root_of_another_storage_driver_is_refused_and_kept(tmp_path: Path) -> None:
    async with world(tmp_path / "data", "overlay2") as here:
        await load(here, saved(BASE, tags=["a:1"]))
    with pytest.raises(Invalid, match="was made with storage driver overlay2 and cannot be used with vfs"):
        async with world(tmp_path / "data", "vfs"):
            pass
    async with world(tmp_path / "data", "overlay2") as here:
        assert here.names() == ["a:1"]
        assert await save(here, "a:1")


async def test_many_loads_of_shared_layers_at_once(tmp_path: Path) -> None:
    """Each shared layer is made once, whoever comes first; removals in between disturb nobody."""
    layers = [tar(file(f"f{number}", b"%d\n" % number)) for number in range(3)]
    archives = [saved(*layers[: count + 1], tags=[f"many:{count}"]) for count in range(3)]
    async with world(tmp_path / "data") as here:
        await asyncio.gather(*(load(here, content) for content in [*archives, *archives]))
        assert here.names() == ["many:0", "many:1", "many:2"]
        assert len(here.on_disk()) == 3
        await here.service.create_rw_layer(CONTAINER, here.service.resolve("many:2").id)
        assert in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", "cat f0 f1 f2") == "0\n1\n2\n"
        await asyncio.gather(load(here, archives[2]), here.service.remove("many:1"), here.service.remove("many:0"))
        assert here.names() == ["many:2"]
        assert len(here.on_disk()) == 4


def test_trash_that_cannot_be_deleted_is_left_for_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trash = Trash(tmp_path / "trash")
    trash.discard(tmp_path / "trash" / "not there")
    (tmp_path / "trash" / "there").mkdir()
    trash.discard(tmp_path / "trash" / "there")
    trash.flush()
    trash.close()
    assert list((tmp_path / "trash").iterdir()) == []
    assert caplog.records == []


async def test_the_event_loop_does_not_notice_an_import(tmp_path: Path) -> None:
    """A tar of fifty megabytes and three thousand files; the loop must stay free while it is unpacked."""
    content = tar(*(file(f"d{number % 50}/f{number}", os.urandom(16_000)) for number in range(3000)))
    late: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            late.append(time.perf_counter() - before - 0.005)

    def median() -> float:
        middle = sorted(late)[len(late) // 2]
        late.clear()
        return middle

    async with world(tmp_path / "data") as here:
        watching = asyncio.create_task(watch())
        await asyncio.sleep(0.5)
        idle = median()
        await here.service.import_(pieces(content), "large", "1")
        busy = median()
        watching.cancel()
    assert busy < 0.004 + 4 * idle, f"late by {busy * 1000:.1f} ms, when idle by {idle * 1000:.1f} ms"


@pytest.mark.parametrize("driver", ["overlay2", "vfs"])
async def test_a_client_that_hangs_up_at_any_moment(tmp_path: Path, driver: str) -> None:
    """Memory, database and disk agree wherever a load was cancelled, and the same load then works."""
    content = saved(BASE, UPPER, LABELED, tags=["three:1"])
    async with world(tmp_path / "data", driver) as here:
        began = time.perf_counter()
        await load(here, content)
        whole = time.perf_counter() - began
        await here.service.remove("three:1")
        for moment in range(16):
            task = asyncio.create_task(load(here, content))
            await asyncio.sleep(whole * 1.1 * moment / 16)
            task.cancel()
            await asyncio.wait({task})
            if here.names():
                await here.service.remove("three:1")
            assert len(here.service.images) == 0
            assert here.on_disk() == here.service.layers.cache_ids() == set()
            assert database_rows(here, "layers") == database_rows(here, "images") == 0
        assert await load(here, content) == ["Loaded image: three:1"]


def database_rows(here: World, table: str) -> int:
    with sqlite3.connect(here.data.database) as database:
        count: int = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count
