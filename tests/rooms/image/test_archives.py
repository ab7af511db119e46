"""Load and save: archives of Docker and of OCI tools, whole ones and broken ones."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
import zstandard

from corral.errors import Internal, Invalid, NotFound, Unsupported
from support.images import BASE, LABELED, World, archive, config, digest, load, pieces, save, saved, world
from support.rootfs import in_rootfs
from support.tars import directory, file, symlink, tar

pytestmark = pytest.mark.requires("root", "overlay", "namespaces")

UPPER = tar(file("etc/motd", b"upper\n"))
TOP = tar(directory("etc"), file("etc/.wh..wh..opq"), file("etc/only", b"only\n"))
CONTAINER = "c" * 64

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


@pytest_asyncio.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path / "data") as opened:
        yield opened


@pytest_asyncio.fixture(params=["overlay2", "vfs"])
async def each(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """One world on each storage driver."""
    async with world(tmp_path / "data", request.param) as opened:
        yield opened


async def shows(here: World, name: str, tmp_path: Path, script: str) -> str:
    await here.service.create_rw_layer(CONTAINER, here.service.resolve(name).id)
    try:
        return in_rootfs(here.service.rootfs(CONTAINER), tmp_path / "merged", script)
    finally:
        await here.service.remove_rw_layer(CONTAINER)


def layout(
    content: bytes, *layers: bytes, name: str = "", media: str = "application/vnd.oci.image.layer.v1.tar"
) -> bytes:
    """An OCI image layout without Docker's manifest.json."""
    manifest = {
        "schemaVersion": 2,
        "config": {"mediaType": "x", "digest": digest(content), "size": len(content)},
        "layers": [{"mediaType": "x", "digest": digest(layer), "size": len(layer)} for layer in layers],
    }
    encoded = json.dumps(manifest).encode()
    annotations = {"io.containerd.image.name": name} if name else {}
    descriptor = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest(encoded),
        "size": len(encoded),
        "annotations": annotations,
    }
    index = json.dumps({"schemaVersion": 2, "manifests": [descriptor]}).encode()
    blobs = {f"blobs/sha256/{digest(blob)[7:]}": blob for blob in (content, encoded, *layers)}
    return archive({"oci-layout": b"{}", "index.json": index, **blobs})


async def test_layers_of_a_loaded_image_lie_on_each_other(each: World, tmp_path: Path) -> None:
    assert await load(each, saved(BASE, UPPER, TOP, tags=["three:1", "three:2"])) == [
        "Loaded image: three:1",
        "Loaded image: three:2",
    ]
    assert await shows(each, "three:2", tmp_path, "cat etc/only; test ! -e etc/issue; cat bin/sh") == "only\n#!"
    assert each.actions() == ["load"]


async def test_an_image_without_names(here: World) -> None:
    content = saved(BASE)
    assert await load(here, content) == [f"Loaded image ID: {digest(config(BASE))}"]


@pytest.mark.parametrize(("outer", "inner"), [*((packer, None) for packer in PACKERS), *((None, x) for x in PACKERS)])
async def test_compressed_archives_and_layers(here: World, outer: str | None, inner: str | None) -> None:
    blobs = [PACKERS[inner](BASE) if inner else BASE]
    content = saved(BASE, tags=["packed:1"], blobs=blobs)
    assert await load(here, PACKERS[outer](content) if outer else content) == ["Loaded image: packed:1"]


@pytest.mark.parametrize("inner", [None, *PACKERS])
async def test_an_oci_layout(here: World, inner: str | None) -> None:
    layer = PACKERS[inner](BASE) if inner else BASE
    assert await load(here, layout(config(BASE), layer, name="docker.io/library/oci:1")) == ["Loaded image: oci:1"]


async def test_an_index_of_several_platforms_gives_the_hosts(here: World) -> None:
    nested = layout(config(BASE), BASE)
    with tarfile.open(fileobj=io.BytesIO(nested)) as packed:
        members = {info.name: packed.extractfile(info).read() for info in packed if info.isfile()}  # type: ignore[union-attr]
    inner = json.loads(members["index.json"])
    other = {"mediaType": inner["manifests"][0]["mediaType"], "digest": "sha256:" + "0" * 64, "size": 1}
    other["platform"] = {"os": "plan9", "architecture": "pdp11"}
    inner["manifests"].insert(0, other)
    encoded = json.dumps(inner).encode()
    media = "application/vnd.oci.image.index.v1+json"
    outer = {"mediaType": media, "digest": digest(encoded), "size": len(encoded)}
    outer["annotations"] = {"org.opencontainers.image.ref.name": "registry.test/multi:1"}
    members["index.json"] = json.dumps({"manifests": [outer]}).encode()
    members[f"blobs/sha256/{digest(encoded)[7:]}"] = encoded
    assert await load(here, archive(members)) == ["Loaded image: registry.test/multi:1"]


async def test_layers_shared_by_symbolic_links_as_docker_wrote_them_before_25(each: World, tmp_path: Path) -> None:
    content = config(BASE, BASE)
    name = hashlib.sha256(content).hexdigest() + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": ["s:1"], "Layers": ["a/layer.tar", "b/layer.tar"]}]).encode()
    packed = archive({name: content, "a/layer.tar": BASE, "manifest.json": manifest}, {"b/layer.tar": "../a/layer.tar"})
    assert await load(each, packed) == ["Loaded image: s:1"]
    assert await shows(each, "s:1", tmp_path, "cat etc/issue") == "base\n"


async def test_loading_again_changes_nothing(here: World) -> None:
    content = saved(BASE, UPPER, tags=["two:1"])
    await load(here, content)
    before = here.on_disk()
    assert await load(here, content) == ["Loaded image: two:1"]
    assert here.on_disk() == before


async def test_a_name_that_moves_is_told(here: World) -> None:
    await load(here, saved(BASE, tags=["a:1"]))
    before = here.service.resolve("a:1").id
    assert await load(here, saved(LABELED, tags=["a:1"])) == [
        f"The image a:1 already exists, renaming the old one with ID {before} to empty string",
        "Loaded image: a:1",
    ]


async def test_progress_of_layers(here: World) -> None:
    large = tar(file("large", os.urandom(5 << 20)))
    messages = [message async for message in here.service.load(pieces(saved(large, tags=["l:1"])))]
    steps = [message for message in messages if message.status == "Loading layer"]
    assert {step.id for step in steps} == {digest(large)[7:19]}
    assert all(0 < step.progress_detail.current <= step.progress_detail.total for step in steps)  # type: ignore[union-attr, operator]
    quiet = [message async for message in here.service.load(pieces(saved(large, tags=["l:2"])), True)]
    assert [message.stream for message in quiet] == ["Loaded image: l:2\n"]


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"junkjunk", Invalid, "unexpected EOF"),
        (archive({"x": b"y"}), Invalid, "neither manifest.json nor index.json"),
        (archive({"repositories": b"{}"}), Unsupported, "before 1.10"),
        (archive({"manifest.json": b"{}"}), Invalid, "manifest.json"),
        (archive({"manifest.json": b'[{"Config": "none.json"}]'}), Invalid, "none.json"),
        (saved(BASE, tags=["UPPER:1"]), Invalid, "must be lowercase"),
        (saved(BASE, tags=["notag"]), Invalid, 'invalid tag "notag"'),
        (saved(BASE, blobs=[LABELED]), Invalid, "invalid diffID for layer"),
        (saved(BASE, UPPER, blobs=[BASE, b"junk" * 500]), Invalid, "tar header"),
        (saved(BASE, os="windows"), Invalid, "cannot load windows image on linux"),
        (layout(config(BASE), LABELED), Invalid, "invalid diffID"),
        (layout(config(BASE, UPPER), BASE), Invalid, "layers length mismatch: expected 2, got 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_broken_archives_leave_nothing(here: World, content: bytes, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        await load(here, content)
    assert here.names() == []
    assert here.on_disk() == set()
    assert list(here.service.content.digests()) == []
    assert list(here.data.tmp.iterdir()) == []


async def test_blob_that_is_not_what_its_name_promises(here: World) -> None:
    good = layout(config(BASE), BASE, name="x/y:1")
    for target in (digest(config(BASE)), digest(BASE)):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(good)) as source, tarfile.open(fileobj=buffer, mode="w") as changed:
            for info in source:
                data = source.extractfile(info).read()  # type: ignore[union-attr]
                if info.name.endswith(target[7:]):
                    data = data.replace(b"base", b"evil").replace(b"amd64", b"evil6")
                changed.addfile(info, io.BytesIO(data))
        with pytest.raises(Invalid):
            await load(here, buffer.getvalue())
    assert here.names() == []


@pytest.mark.parametrize("path", ["../../../etc/passwd", "/etc/passwd", "link"])
async def test_cve_2014_9358_paths_in_the_manifest_that_lead_out(here: World, path: str) -> None:
    manifest = json.dumps([{"Config": path, "Layers": []}]).encode()
    with pytest.raises(Invalid):
        await load(here, archive({"manifest.json": manifest}, {"link": "/etc/passwd"}))


async def test_manifest_that_is_a_fifo(here: World) -> None:
    info = tarfile.TarInfo("manifest.json")
    info.type = tarfile.FIFOTYPE
    with pytest.raises(Invalid, match="fifo"):
        await load(here, info.tobuf() + bytes(1024))


async def test_saved_archives_are_loaded_again_as_they_were(each: World, tmp_path: Path) -> None:
    replaced = tar(file("f", b"first"), symlink("f", "x"), file("f", b"second"), file(".wh.gone"))
    await load(each, saved(BASE, replaced, tags=["app:1", "app:2"]))
    await load(each, saved(BASE, TOP, tags=["other:1"], author="someone"))
    content = await save(each, "app", "other:1")
    async with world(tmp_path / "elsewhere", each.service.layers.driver.name) as there:
        assert sorted(await load(there, content)) == [
            "Loaded image: app:1",
            "Loaded image: app:2",
            "Loaded image: other:1",
        ]
        for name in ("app:1", "other:1"):
            assert there.service.resolve(name).id == each.service.resolve(name).id
        assert await save(there, "app", "other:1") == content


async def test_a_saved_archive_holds_each_layer_once_and_both_indexes(here: World) -> None:
    await load(here, saved(BASE, UPPER, tags=["a:1"]))
    await load(here, saved(BASE, tags=["b:1"]))
    with tarfile.open(fileobj=io.BytesIO(await save(here, "a:1", "b:1", here.service.resolve("b:1").id))) as packed:
        names = packed.getnames()
        manifest = json.load(packed.extractfile("manifest.json"))  # type: ignore[arg-type]
        repositories = json.load(packed.extractfile("repositories"))  # type: ignore[arg-type]
    assert names.count(f"blobs/sha256/{digest(BASE)[7:]}") == 1
    assert {"index.json", "manifest.json", "oci-layout", "repositories"} < set(names)
    assert [item["RepoTags"] for item in manifest] == [["a:1"], ["b:1"]]
    assert repositories == {"a": {"1": digest(UPPER)[7:]}, "b": {"1": digest(BASE)[7:]}}


async def test_saving_what_is_not_there(here: World) -> None:
    for name in ("none", "none:1", "sha256:" + "a" * 64):
        with pytest.raises(NotFound):
            await save(here, name)


async def test_layer_changed_on_disk_is_not_saved(each: World) -> None:
    await load(each, saved(BASE, tags=["a:1"]))
    layer = each.service.layers.get(each.service.resolve("a:1").top)  # type: ignore[arg-type]
    Path(each.service.layers.driver.files(layer.cache_id).root, "etc", "issue").write_bytes(b"evil\n")
    with pytest.raises(Internal, match="changed on disk"):
        await save(each, "a:1")


async def test_an_image_removed_while_it_is_saved_is_still_whole(each: World, tmp_path: Path) -> None:
    large = tar(file("large", os.urandom(4 << 20)))
    await load(each, saved(large, tags=["a:1"]))
    stream = each.service.save(["a:1"])
    content = await anext(stream)
    await each.service.remove("a:1")
    content += b"".join([piece async for piece in stream])
    assert each.on_disk() == set()
    async with world(tmp_path / "elsewhere", each.service.layers.driver.name) as there:
        assert await load(there, content) == ["Loaded image: a:1"]


async def test_a_saving_that_is_given_up_leaves_nothing_running(here: World) -> None:
    large = tar(file("large", os.urandom(8 << 20)))
    await load(here, saved(large, tags=["a:1"]))
    stream = here.service.save(["a:1"])
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    await here.service.remove("a:1")
    assert here.on_disk() == set()


async def test_parents_named_by_the_archive_are_kept(each: World) -> None:
    below, above = config(BASE), config(BASE, UPPER)
    names = [hashlib.sha256(content).hexdigest() + ".json" for content in (below, above)]
    manifest = [
        {"Config": names[1], "RepoTags": ["a:2"], "Layers": ["0.tar", "1.tar"], "Parent": digest(below)},
        {"Config": names[0], "RepoTags": ["a:1"], "Layers": ["0.tar"]},
    ]
    members = {names[0]: below, names[1]: above, "0.tar": BASE, "1.tar": UPPER}
    await load(each, archive(members | {"manifest.json": json.dumps(manifest).encode()}))
    assert each.service.inspect("a:2").parent == digest(below)
    items = await each.service.remove("a:1")
    assert [item.untagged for item in items] == ["a:1"]
    await each.service.remove("a:2")  # takes the parent along, which has no name any more
    assert each.on_disk() == set()
