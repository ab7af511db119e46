"""Pushing into registries, ours as a server: what is sent, what is not, and what it is called afterwards."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.errors import CorralError, Invalid, NotFound
from corral.oci.platform import Platform
from support.images import BASE, LABELED, config, digest, load, saved
from support.registry_server import Process, registry, sha256
from support.served import INDEX, LAYER, MANIFEST, Puller, descriptor, gzipped, manifest_of, puller

pytestmark = pytest.mark.requires("root", "overlay")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with registry(tmp_path_factory.mktemp("registry")) as process:
        yield process


@pytest_asyncio.fixture
async def here(tmp_path: Path) -> AsyncIterator[Puller]:
    async with puller(tmp_path / "data") as made:
        yield made


async def _loaded(here: Puller, name: str, *layers: bytes, **attributes: object) -> str:
    await load(here.world, saved(*layers, tags=[name], **attributes))
    return name


def _published(server: Process, repository: str, *layers: bytes, **attributes: object) -> bytes:
    """An image that the registry has: its manifest."""
    client = server.client()
    content = config(*layers, **attributes)
    blobs = [gzipped(layer) for layer in layers]
    for blob in (content, *blobs):
        client.push_blob(repository, blob)
    manifest = manifest_of(content, [descriptor(blob, f"{LAYER}+gzip") for blob in blobs])
    client.push_manifest(repository, "latest", manifest)
    return json.dumps(manifest).encode()


async def test_an_image_is_pushed_and_another_host_pulls_the_same(
    server: Process, here: Puller, tmp_path: Path
) -> None:
    name = await _loaded(here, f"{server.address}/fresh:latest", BASE, LABELED)
    lines = await here.push(name.removesuffix(":latest"))
    upper, base = digest(LABELED)[7:19], digest(BASE)[7:19]
    assert lines[:3] == [
        f"The push refers to repository [{server.address}/fresh]",
        f"{upper}: Preparing",
        f"{base}: Preparing",
    ]
    assert {f"{upper}: Pushed", f"{base}: Pushed"} <= set(lines)
    (pinned,) = here.world.service.inspect(name).repo_digests
    assert lines[-1].startswith(f"latest: digest: {pinned.partition('@')[2]} size: ")
    assert ("push", name, {"name": f"{server.address}/fresh"}) in here.world.events
    async with puller(tmp_path / "other") as there:
        await there.pull(name)
        assert there.world.service.resolve(name).id == here.world.service.resolve(name).id
        assert there.world.service.inspect(name).repo_digests == [pinned]


async def test_the_same_image_compresses_to_the_same_digest_everywhere(server: Process, tmp_path: Path) -> None:
    digests = set()
    for number in range(2):
        async with puller(tmp_path / f"host{number}") as here:
            name = await _loaded(here, f"{server.address}/same{number}:latest", BASE)
            await here.push(f"{server.address}/same{number}")
            digests |= {pinned.partition("@")[2] for pinned in here.world.service.inspect(name).repo_digests}
    assert len(digests) == 1


async def test_a_pulled_image_keeps_its_digest(server: Process, here: Puller) -> None:
    manifest = _published(server, "origin", BASE, LABELED)
    await here.pull(f"{server.address}/origin")
    await here.world.service.tag(f"{server.address}/origin:latest", f"{server.address}/copy", "latest")
    lines = await here.push(f"{server.address}/copy")
    assert lines[-1] == f"latest: digest: {sha256(manifest)} size: {len(manifest)}"
    assert f"{digest(BASE)[7:19]}: Mounted from origin" in lines
    answer = server.client()("GET", "/v2/copy/manifests/latest", headers={"Accept": MANIFEST})
    assert answer.body == manifest


async def test_what_the_registry_has_is_not_sent(server: Process, here: Puller) -> None:
    name = await _loaded(here, f"{server.address}/twice:latest", BASE)
    await here.push(f"{server.address}/twice")
    lines = await here.push(f"{server.address}/twice")
    assert f"{digest(BASE)[7:19]}: Layer already exists" in lines
    assert here.world.service.resolve(name)


async def test_a_blob_that_is_kept_goes_to_another_registry_as_it_is(
    server: Process, here: Puller, tmp_path: Path
) -> None:
    manifest = _published(server, "moving", BASE)
    await here.pull(f"{server.address}/moving")
    with registry(tmp_path / "second") as second:
        await here.world.service.tag(f"{server.address}/moving:latest", f"{second.address}/moved", "latest")
        lines = await here.push(f"{second.address}/moved")
    assert lines[-1].startswith(f"latest: digest: {sha256(manifest)} ")


async def test_a_layer_whose_blob_was_dropped_is_compressed_again(
    server: Process, here: Puller, tmp_path: Path
) -> None:
    _published(server, "dropped", BASE)
    await here.pull(f"{server.address}/dropped")
    here.world.service.content.delete(digest(gzipped(BASE)))
    with registry(tmp_path / "second") as second:
        await here.world.service.tag(f"{server.address}/dropped:latest", f"{second.address}/made", "latest")
        lines = await here.push(f"{second.address}/made")
        assert f"{digest(BASE)[7:19]}: Pushed" in lines
        async with puller(tmp_path / "other") as there:
            await there.pull(f"{second.address}/made")
            assert there.world.service.resolve(f"{second.address}/made").config.diff_ids == (digest(BASE),)


async def test_a_layer_whose_blob_was_dropped_is_mounted_from_where_it_came(server: Process, here: Puller) -> None:
    manifest = _published(server, "kept", BASE)
    await here.pull(f"{server.address}/kept")
    here.world.service.content.delete(digest(gzipped(BASE)))
    await here.world.service.tag(f"{server.address}/kept:latest", f"{server.address}/again", "latest")
    lines = await here.push(f"{server.address}/again")
    assert f"{digest(BASE)[7:19]}: Mounted from kept" in lines
    assert lines[-1].startswith(f"latest: digest: {sha256(manifest)} ")


async def test_all_tags_are_pushed(server: Process, here: Puller) -> None:
    await _loaded(here, f"{server.address}/many:one", BASE)
    await _loaded(here, f"{server.address}/many:two", LABELED)
    lines = await here.push(f"{server.address}/many", "")
    assert [line.partition(":")[0] for line in lines if ": digest: " in line] == ["one", "two"]
    assert server.client()("GET", "/v2/many/tags/list").json["tags"] == ["one", "two"]


# -- indexes


def _index(server: Process, repository: str) -> tuple[bytes, dict[str, bytes]]:
    members, manifests = [], {}
    for architecture in ("amd64", "arm64"):
        manifests[architecture] = _published(server, repository, BASE, architecture=architecture)
        platform = {"os": "linux", "architecture": architecture}
        members.append(descriptor(manifests[architecture], MANIFEST, platform=platform))
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": members}
    server.client().push_manifest(repository, "latest", index)
    return json.dumps(index).encode(), manifests


async def test_an_index_goes_whole_when_all_of_it_is_here(server: Process, here: Puller, tmp_path: Path) -> None:
    index, _ = _index(server, "multi")
    for architecture in ("amd64", "arm64"):
        await here.pull(f"{server.address}/multi", platform=Platform("linux", architecture))
    with registry(tmp_path / "second") as second:
        here_name = f"{server.address}/multi:latest"
        await here.world.service.tag(here_name, f"{second.address}/multi", "latest")
        lines = await here.push(f"{second.address}/multi")
        assert lines[-1] == f"latest: digest: {sha256(index)} size: {len(index)}"
        answer = second.client()("GET", "/v2/multi/manifests/latest", headers={"Accept": INDEX})
        assert answer.body == index


async def test_one_platform_of_an_index_goes_alone(server: Process, here: Puller) -> None:
    _, manifests = _index(server, "single")
    await here.pull(f"{server.address}/single", platform=Platform("linux", "arm64"))
    await here.world.service.tag(f"{server.address}/single:latest", f"{server.address}/alone", "latest")
    lines = await here.push(f"{server.address}/alone")
    assert lines[-1].startswith(f"latest: digest: {sha256(manifests['arm64'])} ")


async def test_the_platform_that_is_asked_for_goes_alone(server: Process, here: Puller) -> None:
    _, manifests = _index(server, "chosen")
    for architecture in ("amd64", "arm64"):
        await here.pull(f"{server.address}/chosen", platform=Platform("linux", architecture))
    lines = await here.push(f"{server.address}/chosen", platform=Platform("linux", "arm64"))
    assert lines[-1].startswith(f"latest: digest: {sha256(manifests['arm64'])} ")


async def test_a_platform_that_the_image_is_not_for_is_refused(server: Process, here: Puller) -> None:
    name = await _loaded(here, f"{server.address}/wrong:latest", BASE)
    with pytest.raises(NotFound, match=rf"^image with reference {name} was found but its platform \(linux/amd64\)"):
        await here.push(f"{server.address}/wrong", platform=Platform("linux", "s390x"))


# -- what cannot be pushed


async def test_a_name_that_is_not_here_is_told(server: Process, here: Puller) -> None:
    with pytest.raises(NotFound, match=f"^An image does not exist locally with the tag: {server.address}/nothing$"):
        await here.push(f"{server.address}/nothing")


async def test_a_tag_that_is_not_here_is_told(server: Process, here: Puller) -> None:
    await _loaded(here, f"{server.address}/tagged:latest", BASE)
    with pytest.raises(NotFound, match=f"^tag does not exist: {server.address}/tagged:other$"):
        await here.push(f"{server.address}/tagged", "other")


async def test_a_digest_cannot_be_pushed(here: Puller) -> None:
    with pytest.raises(Invalid, match=r"^cannot push a digest reference$"):
        await here.push(f"localhost:1/x@{digest(b'')}", "")


async def test_a_layer_that_was_changed_on_the_disk_is_not_pushed(server: Process, here: Puller) -> None:
    name = await _loaded(here, f"{server.address}/tampered:latest", BASE)
    layers = here.world.service.layers
    (layer,) = layers.stack(here.world.service.resolve(name).top)
    Path(layers.driver.files(layer.cache_id).root, "etc/issue").write_bytes(b"BASE\n")
    with pytest.raises(CorralError, match="was changed on disk"):
        await here.push(f"{server.address}/tampered")
    assert server.client()("GET", "/v2/tampered/manifests/latest").status == 404


async def test_a_registry_that_is_not_there_is_told(here: Puller) -> None:
    await _loaded(here, "127.0.0.1:1/x:latest", BASE)
    with pytest.raises(CorralError, match=r'^Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection'):
        await here.push("127.0.0.1:1/x")
