"""Pulling from registries that are right, broken, slow and hostile; over real storage drivers, without a daemon."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import zstandard

from corral.errors import CorralError, Exhausted, Invalid, NotFound, Unsupported
from corral.oci.digest import chain_ids
from corral.oci.platform import Platform
from support.images import config, digest
from support.poll import eventually
from support.scripted_registry import Say, ScriptedRegistry
from support.served import INDEX, LAYER, MANIFEST, Puller, Served, descriptor, gzipped, manifest_of, puller
from support.tars import file, tar

pytestmark = pytest.mark.requires("root", "overlay")

BASE = tar(file("etc/issue", b"base\n"), file("bin/sh", os.urandom(300_000)))
UPPER = tar(file("etc/motd", b"upper\n"))


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with ScriptedRegistry().running() as registry:
        yield Served(registry)


@pytest_asyncio.fixture
async def here(tmp_path: Path) -> AsyncIterator[Puller]:
    async with puller(tmp_path / "data") as made:
        yield made


async def test_an_image_arrives_with_its_layers_names_and_blobs(served: Served, here: Puller) -> None:
    manifest = served.image("latest", BASE, UPPER)
    lines = await here.pull(served.name)
    upper, base = (digest(gzipped(layer))[7:19] for layer in (UPPER, BASE))
    assert lines[:3] == ["latest: Pulling from app", f"{base}: Pulling fs layer", f"{upper}: Pulling fs layer"]
    assert {f"{base}: Pull complete", f"{upper}: Download complete", f"{upper}: Verifying Checksum"} <= set(lines)
    assert lines[-2:] == [f"Digest: {digest(manifest)}", f"Status: Downloaded newer image for {served.name}:latest"]
    image = here.world.service.resolve(f"{served.name}:latest")
    assert image.config.diff_ids == (digest(BASE), digest(UPPER))
    assert here.world.service.inspect(f"{served.name}:latest").repo_digests == [f"{served.name}@{digest(manifest)}"]
    for layer in (BASE, UPPER):
        assert here.world.service.content.exists(digest(gzipped(layer)))
    assert ("pull", f"{served.name}:latest", {"name": served.name}) in here.world.events
    assert here.leftovers() == []


async def test_what_is_here_is_not_fetched_again(served: Served, here: Puller) -> None:
    served.image("latest", BASE)
    await here.pull(served.name)
    before = len(served.registry.seen)
    lines = await here.pull(served.name)
    assert lines[-1] == f"Status: Image is up to date for {served.name}:latest"
    assert [one.method for one in served.registry.seen[before:]] == ["HEAD"]


async def test_layers_that_are_here_are_said_to_exist(served: Served, here: Puller) -> None:
    served.image("base", BASE)
    path = served.blob(gzipped(BASE))
    await here.pull(served.name, "base")
    served.image("latest", BASE, UPPER)
    lines = await here.pull(served.name)
    assert f"{digest(gzipped(BASE))[7:19]}: Already exists" in lines
    assert len(served.registry.requests("GET", path)) == 1


@pytest.mark.parametrize(
    ("kind", "pack"), [("", bytes), ("+gzip", gzipped), ("+zstd", zstandard.compress)], ids=["tar", "gzip", "zstd"]
)
async def test_layers_come_in_each_compression(served: Served, here: Puller, kind: str, pack) -> None:
    content, blob = config(BASE), pack(BASE)
    served.blob(content)
    served.blob(blob)
    served.manifest("latest", manifest_of(content, [descriptor(blob, LAYER + kind)]))
    await here.pull(served.name)
    assert here.world.service.layers.blob_of(digest(BASE)).digest == digest(blob)


async def test_a_foreign_layer_comes_from_its_urls(served: Served, here: Puller) -> None:
    content, blob = config(BASE), gzipped(BASE)
    served.blob(content)
    served.registry.on("GET", "/elsewhere", Say(200, blob))
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    urls = [f"http://{served.registry.address}/missing", f"http://{served.registry.address}/elsewhere"]
    served.manifest("latest", manifest_of(content, [descriptor(blob, kind, urls=urls)]))
    await here.pull(served.name)
    assert here.world.names() == [f"{served.name}:latest"]


# -- names


async def test_a_digest_is_pulled_without_any_tag(served: Served, here: Puller) -> None:
    manifest = served.image("latest", BASE)
    lines = await here.pull(served.name, digest(manifest))
    pinned = f"{served.name}@{digest(manifest)}"
    assert lines[0] == f"{pinned}: Pulling from app"
    assert lines[-1] == f"Status: Downloaded newer image for {pinned}"
    assert here.world.service.inspect(pinned).repo_tags == []


async def test_all_tags_are_pulled(served: Served, here: Puller) -> None:
    served.image("one", BASE)
    served.image("two", BASE, UPPER)
    served.registry.on(
        "GET", "/v2/app/tags/list", Say(200, json.dumps({"name": "app", "tags": ["one", "two"]}).encode())
    )
    lines = await here.pull(served.name, "")
    assert here.world.names() == [f"{served.name}:one", f"{served.name}:two"]
    assert lines[-1] == f"Status: Downloaded newer image for {served.name}"


async def test_a_tag_that_moved_leaves_the_old_image_nameless(served: Served, here: Puller) -> None:
    served.image("latest", BASE)
    await here.pull(served.name)
    old = here.world.service.resolve(f"{served.name}:latest").id
    served.image("latest", UPPER)
    lines = await here.pull(served.name)
    assert lines[-1] == f"Status: Downloaded newer image for {served.name}:latest"
    assert here.world.service.resolve(f"{served.name}:latest").id != old
    assert here.world.service.resolve(old).id == old


# -- platforms


def _index(served: Served, *architectures: str) -> bytes:
    members = []
    for architecture in architectures:
        manifest = served.image(architecture, BASE, architecture=architecture)
        platform = {"os": "linux", "architecture": architecture}
        members.append(descriptor(manifest, MANIFEST, platform=platform))
    return served.manifest("latest", {"schemaVersion": 2, "mediaType": INDEX, "manifests": members})


async def test_an_index_gives_the_image_of_the_platform(served: Served, here: Puller) -> None:
    index = _index(served, "s390x", "amd64", "arm64")
    lines = await here.pull(served.name, platform=Platform("linux", "s390x"))
    assert lines[-2] == f"Digest: {digest(index)}"
    await here.pull(served.name, platform=Platform("linux", "arm64"))
    images = here.world.service
    assert images.resolve(f"{served.name}:latest", Platform("linux", "s390x")).config.architecture == "s390x"
    assert images.resolve(f"{served.name}:latest", Platform("linux", "arm64")).config.architecture == "arm64"
    with pytest.raises(NotFound):
        images.resolve(f"{served.name}:latest", Platform("linux", "amd64"))


async def test_a_platform_that_the_index_has_not_is_named(served: Served, here: Puller) -> None:
    _index(served, "s390x")
    with pytest.raises(NotFound, match=r"^no matching manifest for linux/ppc64le in the manifest list entries$"):
        await here.pull(served.name, platform=Platform("linux", "ppc64le"))


async def test_an_image_for_another_platform_comes_with_a_warning(served: Served, here: Puller) -> None:
    served.image("latest", BASE)
    lines = await here.pull(served.name, platform=Platform("linux", "s390x"))
    assert lines[-1] == (
        f"WARNING: image with reference {served.name}:latest was found but its platform (linux/amd64) does not match "
        "the specified platform (linux/s390x)"
    )


# -- what is no image, or not what it says


@pytest.mark.parametrize(
    ("config_type", "text"),
    [
        ("application/vnd.oci.empty.v1+json", "unsupported media type application/vnd.oci.empty.v1+json"),
        (
            "application/vnd.docker.plugin.v1+json",
            r'Encountered remote "application/vnd.docker.plugin.v1\+json"\(plugin\) when fetching',
        ),
    ],
)
async def test_artifacts_and_plugins_are_refused_by_name(
    served: Served, here: Puller, config_type: str, text: str
) -> None:
    served.blob(b"{}")
    served.manifest("latest", manifest_of(b"{}", []) | {"config": descriptor(b"{}", config_type)})
    with pytest.raises(CorralError, match=f"^{text.replace('oci.empty.v1+', r'oci.empty.v1.')}$"):
        await here.pull(served.name)
    assert here.world.names() == []


async def test_a_layer_of_an_unknown_kind_is_refused_by_name(served: Served, here: Puller) -> None:
    content = config(BASE)
    served.blob(content)
    served.manifest("latest", manifest_of(content, [descriptor(BASE, "application/x-squashfs")]))
    with pytest.raises(Unsupported, match="unsupported media type application/x-squashfs of layer sha256:"):
        await here.pull(served.name)


async def test_more_layers_than_can_be_stacked_are_refused(served: Served, here: Puller) -> None:
    content = config(*[BASE] * 128)
    served.blob(content)
    served.manifest("latest", manifest_of(content, [descriptor(BASE, LAYER)] * 128))
    with pytest.raises(Invalid, match="max depth exceeded: 128 layers"):
        await here.pull(served.name)
    assert served.registry.requests("GET", f"/v2/app/blobs/{digest(BASE)}") == []


@pytest.mark.parametrize("layers", [[], [BASE, BASE]], ids=["fewer", "more"])
async def test_a_configuration_of_another_image_is_refused(served: Served, here: Puller, layers: list[bytes]) -> None:
    content = config(*layers)
    served.blob(content)
    served.blob(BASE)
    served.manifest("latest", manifest_of(content, [descriptor(BASE, LAYER)]))
    with pytest.raises(Invalid, match="image configuration"):
        await here.pull(served.name)


async def test_a_corrupt_layer_is_named_and_leaves_nothing(served: Served, here: Puller) -> None:
    served.image("latest", BASE, UPPER)
    blob = gzipped(UPPER)
    served.blob(blob, Say(200, blob[:-9] + b"x" + blob[-8:]))
    with pytest.raises(Invalid, match=f"verification failed for digest {digest(blob)}"):
        await here.pull(served.name)
    assert here.world.names() == []
    assert here.leftovers() == []
    await here.pull(served.name)
    assert here.world.names() == [f"{served.name}:latest"]


async def test_a_layer_that_is_not_the_one_of_the_configuration_is_named(served: Served, here: Puller) -> None:
    content = config(UPPER)
    served.blob(content)
    served.blob(BASE)
    served.manifest("latest", manifest_of(content, [descriptor(BASE, LAYER)]))
    with pytest.raises(Invalid, match=f'invalid diffID for layer: expected "{digest(UPPER)}", got "{digest(BASE)}"'):
        await here.pull(served.name)
    assert here.leftovers() == []


async def test_a_corrupt_configuration_is_named(served: Served, here: Puller) -> None:
    served.image("latest", BASE)
    content = config(BASE)
    served.blob(content, Say(200, b"x" + content[1:]))
    with pytest.raises(Invalid, match=f"image config verification failed for digest {digest(content)}"):
        await here.pull(served.name)


async def test_a_blob_of_another_length_is_refused(served: Served, here: Puller) -> None:
    content, blob = config(BASE), gzipped(BASE)
    served.blob(content)
    served.blob(blob)
    lying = descriptor(blob, f"{LAYER}+gzip") | {"size": len(blob) - 10}
    served.manifest("latest", manifest_of(content, [lying]))
    with pytest.raises(Invalid, match=f"blob {digest(blob)} has {len(blob)} bytes, expected {len(blob) - 10}"):
        await here.pull(served.name)
    assert here.leftovers() == []


async def test_a_tar_that_wants_out_is_refused(served: Served, here: Puller) -> None:
    served.image("latest", tar(file("../../escaped", b"x")))
    with pytest.raises(Invalid, match=r"^failed to register layer: '\.\./\.\.' is outside"):
        await here.pull(served.name)
    assert here.leftovers() == []


async def test_a_bomb_stops_at_the_limit(served: Served, here: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = here.world.service.layers
    monkeypatch.setattr(layers, "_limits", layers._limits._replace(max_bytes=1 << 20))
    served.image("latest", tar(file("zeros", bytes(8 << 20))))
    with pytest.raises(Exhausted, match=r"^failed to register layer: archive unpacks to more than 1048576 bytes$"):
        await here.pull(served.name)
    assert here.world.names() == []
    assert sorted(here.world.on_disk() - layers.cache_ids()) == []


# -- broken connections, and more than one client


async def test_a_download_that_breaks_off_goes_on_where_it_stopped(served: Served, here: Puller) -> None:
    served.image("latest", BASE)
    blob = gzipped(BASE)
    rest = Say(206, blob[100_000:], {"Content-Range": f"bytes 100000-{len(blob) - 1}/{len(blob)}"})
    path = served.blob(blob, Say(200, blob, cut=100_000), rest)
    await here.pull(served.name)
    assert [one.headers.get("range") for one in served.registry.requests("GET", path)] == [None, "bytes=100000-"]


async def test_a_later_pull_goes_on_where_an_earlier_one_gave_up(served: Served, here: Puller) -> None:
    served.image("latest", BASE)
    blob = gzipped(BASE)
    path = served.blob(blob)
    served.registry.on("GET", path, Say(200, blob, cut=100_000), Say(404, b""))
    with pytest.raises(CorralError):
        await here.pull(served.name)
    assert here.world.names() == []
    rest = Say(206, blob[100_000:], {"Content-Range": f"bytes 100000-{len(blob) - 1}/{len(blob)}"})
    served.registry.on("GET", path, rest)
    await here.pull(served.name)
    assert served.registry.requests("GET", path)[-1].headers["range"] == "bytes=100000-"
    assert here.leftovers() == []


async def test_what_an_earlier_attempt_left_is_not_believed(served: Served, here: Puller) -> None:
    served.image("latest", BASE)
    blob = gzipped(BASE)
    with here.world.service.content.resume(digest(blob), len(blob)) as ingest:
        ingest.write(b"x" * 100_000)
    rest = Say(206, blob[100_000:], {"Content-Range": f"bytes 100000-{len(blob) - 1}/{len(blob)}"})
    served.blob(blob, rest)
    await here.pull(served.name)
    assert here.world.names() == [f"{served.name}:latest"]


async def _joined(here: Puller, blob: bytes, clients: int) -> None:
    """Until so many wait for a blob."""
    running = here.service._downloads._running
    await eventually(lambda: digest(blob) in running and len(running[digest(blob)].topic._listeners) == clients)


async def test_two_clients_share_a_download(served: Served, here: Puller) -> None:
    served.image("latest", BASE)
    blob, both = gzipped(BASE), asyncio.Event()
    path = served.blob(blob, Say(200, blob, after=both))
    pulls = [asyncio.create_task(here.pull(served.name)) for _ in range(2)]
    await _joined(here, blob, 2)
    both.set()
    item = digest(blob)[7:19]
    for lines in await asyncio.gather(*pulls):
        assert f"{item}: Pull complete" in lines
        assert f"{item}: Download complete" in lines
    assert len(served.registry.requests("GET", path)) == 1


async def test_the_second_client_goes_on_when_the_first_one_leaves(served: Served, here: Puller) -> None:
    served.image("latest", BASE)
    blob, left = gzipped(BASE), asyncio.Event()
    served.blob(blob, Say(200, blob, after=left))
    first = asyncio.create_task(here.pull(served.name))
    await _joined(here, blob, 1)
    second = asyncio.create_task(here.pull(served.name))
    await _joined(here, blob, 2)
    first.cancel()
    await asyncio.wait([first])
    left.set()
    await second
    assert here.world.names() == [f"{served.name}:latest"]


async def test_the_last_client_that_leaves_ends_the_pull(served: Served, here: Puller) -> None:
    served.image("latest", BASE, UPPER)
    blob = gzipped(UPPER)
    path = served.blob(blob, Say(200, blob, silent=True))
    pulling = asyncio.create_task(here.pull(served.name))
    await eventually(lambda: served.registry.requests("GET", path))
    pulling.cancel()
    await asyncio.wait([pulling])
    assert here.service._downloads._running == {}
    assert here.world.names() == []
    assert sorted(here.world.on_disk() - here.world.service.layers.cache_ids()) == []
    assert not any(chain in here.world.service.layers for chain in chain_ids([digest(BASE), digest(UPPER)]))


async def test_no_more_downloads_at_once_than_configured(served: Served, here: Puller) -> None:
    layers = [tar(file(f"f{number}", os.urandom(1000))) for number in range(5)]
    served.image("latest", *layers)
    here.service._downloads.slots.limit = 1
    lines = await here.pull(served.name)
    assert sum(line.endswith(": Waiting") for line in lines) == 4
    assert here.world.service.resolve(f"{served.name}:latest").config.diff_ids == tuple(map(digest, layers))


async def test_a_stack_pulls_over_vfs_as_well(served: Served, tmp_path: Path) -> None:
    served.image("latest", BASE, UPPER)
    async with puller(tmp_path / "vfs", "vfs") as here:
        await here.pull(served.name)
        assert here.world.names() == [f"{served.name}:latest"]
