"""Import, tag, list, inspect, remove: images as Docker has them, on both storage drivers."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.errors import Conflict, Invalid, NotFound
from corral.image.record import ImageUse
from corral.oci.digest import ImageID
from support.images import BASE, LABELED, World, load, pieces, saved, world
from support.rootfs import in_rootfs
from support.tars import file, tar

pytestmark = pytest.mark.requires("root", "overlay", "namespaces")

CONTAINER = "c" * 64
UPPER = tar(file("etc/.wh.issue"), file("etc/motd", b"upper\n"))


@pytest_asyncio.fixture(params=["overlay2", "vfs"])
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path / "data", request.param) as opened:
        yield opened


async def imported(
    here: World, name: str = "base:1", content: bytes = BASE, changes: list[str] | None = None
) -> ImageID:
    repo, _, tag = name.partition(":")
    return await here.service.import_(pieces(content), repo, tag, changes or [])


def removed(items: object) -> list[str]:
    assert isinstance(items, list)
    return [f"untagged {item.untagged}" if item.untagged else f"deleted {item.deleted[:19]}" for item in items]


async def test_an_imported_tar_becomes_a_root(here: World, tmp_path: Path) -> None:
    image_id = await imported(
        here,
        changes=(
            "CMD sh",
            "ENV A=b",
            "LABEL x=y",
        ),
    )
    image = here.service.resolve("base:1")
    assert image.id == image_id
    assert image.config.runtime.cmd == ["/bin/sh", "-c", "sh"]
    assert image.config.runtime.env == ["A=b"]
    assert here.events == [
        ("import", image_id, {"x": "y", "name": image_id}),
        ("tag", image_id, {"x": "y", "name": "base:1"}),
    ]
    await here.service.create_rw_layer(CONTAINER, image_id)
    assert in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", "cat etc/issue") == "base\n"


async def test_a_container_without_an_image(here: World, tmp_path: Path) -> None:
    await here.service.create_rw_layer(CONTAINER, None)
    assert "etc" in in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", "ls")
    await here.service.remove_rw_layer(CONTAINER)
    assert here.on_disk() == set()


async def test_usage_counts_own_files_and_all(here: World, tmp_path: Path) -> None:
    image_id = await imported(here)
    await here.service.create_rw_layer(CONTAINER, image_id)
    in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", "head -c 500 /dev/zero > new")
    assert await here.service.usage(CONTAINER) == (500, 500 + len(b"base\n#!"))


async def test_ways_to_name_an_image(here: World) -> None:
    image_id = await imported(here, "team/app:1")
    for text in (
        image_id,
        image_id[7:],
        image_id[7:19],
        image_id[7:9],
        "team/app:1",
        "docker.io/team/app:1",
        image_id[:20],
    ):
        assert here.service.resolve(text).id == image_id, text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("none", "No such image: none:latest"),
        ("none:1", "No such image: none:1"),
        ("aaaaaaaaaaaa", "No such image: aaaaaaaaaaaa:latest"),
        ("a" * 64, "No such image: " + "a" * 64),
        ("sha256:aaaa", "No such image: sha256:aaaa"),
        ("none@sha256:" + "a" * 64, "No such image: none@sha256:" + "a" * 64),
    ],
)
async def test_what_is_not_there(here: World, text: str, message: str) -> None:
    await imported(here)
    with pytest.raises(NotFound) as caught:
        here.service.resolve(text)
    assert str(caught.value) == message


async def test_ambiguous_prefix_is_no_name(here: World) -> None:
    seen: dict[str, int] = {}
    for number in range(40):
        image_id = await imported(here, f"many:{number}", changes=(f"ENV N={number}",))
        seen[image_id[7:8]] = seen.get(image_id[7:8], 0) + 1
    prefix = next(prefix for prefix, count in seen.items() if count > 1)
    with pytest.raises(NotFound):
        here.service.resolve(prefix)


async def test_importing_the_same_tar_twice_shares_the_layer(here: World) -> None:
    await imported(here, "a:1", changes=("ENV A=1",))
    await imported(here, "b:1", gzip.compress(BASE), ("ENV A=2",))
    assert len(here.on_disk()) == 1
    await here.service.remove("a:1")
    assert len(here.on_disk()) == 1
    await here.service.remove("b:1")
    assert here.on_disk() == set()
    assert list(here.service.content.digests()) == []


@pytest.mark.parametrize("content", [b"junkjunk", BASE[:700], b"\x1f\x8b\x08" + b"x" * 100, b""[:0] + b"x" * 2048])
async def test_what_is_no_tar_leaves_nothing(here: World, content: bytes) -> None:
    with pytest.raises(Invalid):
        await imported(here, content=content)
    assert here.on_disk() == set()
    assert here.names() == []


async def test_bad_requests_are_refused_before_the_tar_is_read(here: World) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the source was read")
        yield b""

    for arguments in ({"repo": "UPPER"}, {"repo": "a", "tag": "b!"}, {"changes": ["RUN x"]}, {"platform": "x/y/z/w"}):
        with pytest.raises(Invalid):
            await here.service.import_(never(), **arguments)  # type: ignore[arg-type]


async def test_a_failing_source_leaves_nothing(here: World) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield BASE[:600]
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        await here.service.import_(broken(), "a", "1")
    assert here.on_disk() == set()


async def test_tags_move(here: World) -> None:
    first = await imported(here, "app:1")
    second = await imported(here, "app:1", LABELED)
    assert here.service.resolve("app:1").id == second
    assert here.service.inspect(first).repo_tags == []
    await here.service.tag(first, "app", "old")
    await here.service.tag("app:1", "registry.test:5000/app", "")
    assert here.names() == ["app:1", "app:old", "registry.test:5000/app:latest"]
    with pytest.raises(Invalid, match="lowercase"):
        await here.service.tag("app:1", "UP", "x")
    with pytest.raises(Invalid, match="invalid tag format"):
        await here.service.tag("app:1", "up", "x!")
    with pytest.raises(NotFound):
        await here.service.tag("none", "x", "y")


async def test_the_list_and_its_filters(here: World) -> None:
    old = await imported(here, "old:1")
    new = await imported(here, "new:1", LABELED, ("LABEL kind=new",))
    dangling = await here.service.import_(pieces(UPPER))

    def found(**filters: list[str]) -> list[str]:
        return [image.id for image in here.service.list(filters)]

    assert found() == [dangling, new, old]
    assert found(dangling=["true"]) == [dangling]
    assert found(dangling=["false"]) == [new, old]
    assert found(label=["kind=new"]) == [new]
    assert found(since=["old:1"]) == [dangling, new]
    assert found(before=[new]) == [old]
    assert found(reference=["n*"]) == [new]
    assert found(reference=["nothing"]) == []
    summary = here.service.list({"reference": ["new"]}, shared_size=True)[0]
    assert (summary.repo_tags, summary.labels, summary.shared_size) == (["new:1"], {"kind": "new"}, 0)
    here.uses[new] = [ImageUse(CONTAINER, "c", running=False)]
    assert here.service.list({"reference": ["new"]})[0].containers == 1


async def test_inspect_and_history(here: World) -> None:
    content = saved(
        BASE,
        UPPER,
        tags=["two:1"],
        created="2020-01-02T03:04:05Z",
        author="me",
        history=[
            {"created": "2020-01-01T00:00:00Z", "created_by": "ADD base"},
            {"created": "2020-01-01T00:00:01Z", "created_by": "ENV x", "empty_layer": True},
            {"created": "2020-01-02T03:04:05Z", "created_by": "ADD upper", "comment": "last"},
        ],
    )
    assert await load(here, content) == ["Loaded image: two:1"]
    found = here.service.inspect("two:1")
    assert (found.author, found.comment, found.created, found.os) == ("me", "last", "2020-01-02T03:04:05Z", "linux")
    assert found.size == len(b"base\n#!upper\n")
    assert found.graph_driver.name == here.service.layers.driver.name
    steps = here.service.history("two:1")
    assert [(step.created_by, step.size) for step in steps] == [("ADD upper", 6), ("ENV x", 0), ("ADD base", 7)]
    assert [step.id for step in steps] == [found.id, "<missing>", "<missing>"]
    assert steps[0].tags == ["two:1"]


async def test_a_name_is_removed_alone_while_there_are_others(here: World) -> None:
    image_id = await imported(here, "a:1")
    await here.service.tag("a:1", "b", "1")
    assert removed(await here.service.remove("a:1")) == ["untagged a:1"]
    layer = here.service.resolve("b:1").config.diff_ids[0]
    assert removed(await here.service.remove("b:1")) == [
        "untagged b:1",
        f"deleted {image_id[:19]}",
        f"deleted {layer[:19]}",
    ]
    assert here.actions() == ["import", "tag", "tag", "untag", "untag", "delete"]


async def test_an_id_with_names_in_several_repositories_must_be_forced(here: World) -> None:
    image_id = await imported(here, "a:1")
    await here.service.tag("a:1", "a", "2")
    with pytest.raises(Conflict) as caught:
        await here.service.remove(image_id)
    assert str(caught.value) == (
        f"conflict: unable to delete {image_id[7:19]} (must be forced) - image is referenced in multiple repositories"
    )
    items = removed(await here.service.remove(image_id[7:19], force=True))
    assert items[:3] == ["untagged a:1", "untagged a:2", f"deleted {image_id[:19]}"]


async def test_an_id_with_one_name_takes_it_along(here: World) -> None:
    image_id = await imported(here, "a:1")
    assert removed(await here.service.remove(image_id[7:15]))[:2] == ["untagged a:1", f"deleted {image_id[:19]}"]


async def test_an_image_in_use_by_a_stopped_container(here: World, tmp_path: Path) -> None:
    image_id = await imported(here, "a:1")
    await here.service.create_rw_layer(CONTAINER, image_id)
    here.uses[image_id] = [ImageUse(CONTAINER, "name", running=False)]
    with pytest.raises(Conflict) as caught:
        await here.service.remove("a:1")
    assert str(caught.value) == (
        f'conflict: unable to remove repository reference "a:1" (must force) - container {CONTAINER[:12]} '
        f"is using its referenced image {image_id[7:19]}"
    )
    with pytest.raises(Conflict) as caught:
        await here.service.remove(image_id)
    assert str(caught.value) == (
        f"conflict: unable to delete {image_id[7:19]} (must be forced) - "
        f"image is being used by stopped container {CONTAINER[:12]}"
    )
    assert removed(await here.service.remove("a:1", force=True)) == ["untagged a:1", f"deleted {image_id[:19]}"]
    assert in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", "cat etc/issue") == "base\n"
    await here.service.remove_rw_layer(CONTAINER)
    assert here.on_disk() == set()


async def test_an_image_in_use_by_a_running_container(here: World) -> None:
    image_id = await imported(here, "a:1")
    here.uses[image_id] = [ImageUse(CONTAINER, "name", running=True)]
    for force in (False, True):
        with pytest.raises(Conflict) as caught:
            await here.service.remove(image_id, force=force)
        assert str(caught.value) == (
            f"conflict: unable to delete {image_id[7:19]} (cannot be forced) - "
            f"image is being used by running container {CONTAINER[:12]}"
        )
    assert removed(await here.service.remove("a:1", force=True)) == ["untagged a:1"]
    assert image_id in here.service.images


async def test_removing_what_is_not_there(here: World) -> None:
    with pytest.raises(NotFound, match="No such image: none:latest"):
        await here.service.remove("none")


async def test_layers_removed_are_told_topmost_first(here: World) -> None:
    await load(here, saved(BASE, UPPER, tags=["two:1"]))
    image = here.service.resolve("two:1")
    items = removed(await here.service.remove("two:1"))
    top = here.service.layers
    assert items[0] == "untagged two:1"
    assert items[2:] == [f"deleted {chain[:19]}" for chain in (image.top or "", image.config.diff_ids[0])]
    assert len(top) == 0


async def test_removing_a_read_write_layer_twice(here: World) -> None:
    await here.service.create_rw_layer(CONTAINER, await imported(here))
    with pytest.raises(Conflict):
        await here.service.create_rw_layer(CONTAINER, None)
    await here.service.remove_rw_layer(CONTAINER)
    await here.service.remove_rw_layer(CONTAINER)
    with pytest.raises(NotFound):
        here.service.rootfs(CONTAINER)


async def test_a_read_write_layer_of_an_image_that_is_gone(here: World) -> None:
    image_id = await imported(here)
    await here.service.remove(image_id)
    with pytest.raises(NotFound):
        await here.service.create_rw_layer(CONTAINER, image_id)
    assert here.on_disk() == set()
