from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.oci.digest import Digest, digest_of
from corral.oci.image import MANIFEST
from corral.registry.refusals import Refusal
from corral.registry.settings import Address, parse_address
from corral.registry.storage.collector import Plan, collect
from corral.registry.storage.index import Condition
from corral.registry.storage.manifest import Parsed, Part
from corral.registry.storage.storage import Storage
from corral.registry.storage.uploads import Limits, Uploads
from corral.store.layout import RegistryRoot


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = Storage(RegistryRoot(tmp_path))
    yield storage
    storage.close()


@pytest.fixture
def uploads(storage: Storage) -> Uploads:
    return Uploads(storage, Limits(storage))


async def push(uploads: Uploads, repository: str, content: bytes) -> Digest:
    digest = digest_of(content)
    with uploads.begin(repository) as upload:
        upload.ingest.write(content)
        await uploads.finish(upload, digest)
    return digest


async def put(
    storage: Storage, repository: str, content: bytes, *parts: Digest, tag: str = "t", **more: object
) -> Digest:
    digest = digest_of(content)
    manifest = Parsed(MANIFEST, tuple(Part(part, -1, False) for part in parts), None, "", {})
    await storage.put_manifest(repository, digest, content, manifest, (tag,), **more)  # type: ignore[arg-type]
    return digest


async def test_a_blob_is_visible_in_its_repository_alone(storage: Storage, uploads: Uploads) -> None:
    digest = await push(uploads, "a", b"content")
    assert storage.blob("a", digest) == 7
    with pytest.raises(Refusal, match="blob unknown"):
        storage.blob("b", digest)
    assert await storage.index.mount("a", "b", digest) == 7
    assert await storage.index.mount("c", "d", digest) is None
    assert storage.blob("b", digest) == 7


async def test_an_upload_is_continued_by_whoever_knows_it_and_whoever_does_not(
    storage: Storage, uploads: Uploads
) -> None:
    with uploads.begin("a") as upload:
        upload.ingest.write(b"first ")
    for known in (True, False):
        if not known:  # as in another process
            uploads = Uploads(storage, Limits(storage))
        with uploads.open("a", upload.id) as again:
            assert again.written == len(b"first ") + (0 if known else len(b"second "))
            again.ingest.write(b"second ")
    with uploads.open("a", upload.id) as again:
        await uploads.finish(again, digest_of(b"first second second "))


async def test_an_upload_has_one_writer(uploads: Uploads) -> None:
    with uploads.begin("a") as upload:
        with pytest.raises(Refusal, match="another request"):
            uploads.open("a", upload.id)


async def test_a_wrong_digest_leaves_nothing(storage: Storage, uploads: Uploads) -> None:
    with uploads.begin("a") as upload:
        upload.ingest.write(b"x")
        with pytest.raises(Refusal, match="did not match"):
            await uploads.finish(upload, digest_of(b"y"))
    assert list(storage.blobs.digests()) == []
    assert os.listdir(storage.blobs.ingests) == []


async def test_the_algorithm_of_the_session_is_that_of_its_id(uploads: Uploads) -> None:
    with uploads.begin("a", "sha512") as upload:
        assert upload.id.endswith("-sha512")
        assert upload.ingest.progress().hash.name == "sha512"
    with pytest.raises(Refusal):
        uploads.begin("a", "md5")


async def test_a_manifest_needs_its_parts_and_a_condition_its_tag(storage: Storage, uploads: Uploads) -> None:
    layer = await push(uploads, "a", b"layer")
    with pytest.raises(Refusal, match="unknown to registry"):
        await put(storage, "b", b"m", layer)
    first = await put(storage, "a", b"m", layer)
    with pytest.raises(Refusal, match="condition"):
        await put(storage, "a", b"n", layer, condition=Condition(none_match=("*",)))
    with pytest.raises(Refusal, match="condition"):
        await put(storage, "a", b"n", layer, tag="new", condition=Condition(match=(first,)))
    second = await put(storage, "a", b"n", layer, condition=Condition(match=(first,)))
    row = storage.find_manifest("a", None, "t")
    assert row.digest == second
    assert storage.content(row) == b"n"


async def test_tags_go_with_their_manifest(storage: Storage, uploads: Uploads) -> None:
    digest = await put(storage, "a", b"m")
    await put(storage, "a", b"m", tag="u")
    assert storage.index.tags("a", "", None) == ["t", "u"]
    await storage.index.delete_manifest("a", digest)
    assert storage.index.tags("a", "", None) == []
    assert not storage.index.has_repository("a")


async def test_repositories_are_paged_by_name(storage: Storage) -> None:
    for name in ("b", "a/x", "c", "a"):
        await put(storage, name, b"m")
        await put(storage, name, b"n")
    index = storage.index
    assert index.repositories("", None, lambda _: True) == (["a", "a/x", "b", "c"], False)
    assert index.repositories("a", 2, lambda _: True) == (["a/x", "b"], True)
    assert index.repositories("a", 2, lambda name: name != "b") == (["a/x", "c"], False)


async def test_collection_leaves_what_is_young_or_referred_to(storage: Storage, uploads: Uploads) -> None:
    layer = await push(uploads, "a", b"layer")
    loose = await push(uploads, "a", b"loose")
    manifest = await put(storage, "a", b"m", layer)
    assert (await asyncio.to_thread(collect, storage, Plan(grace=60))).blobs == 0
    assert (await asyncio.to_thread(collect, storage, Plan(grace=0, dry=True))).links == 1
    done = await asyncio.to_thread(collect, storage, Plan(grace=0))
    assert (done.links, done.blobs, done.size) == (1, 1, 5)
    assert set(storage.blobs.digests()) == {layer, manifest}
    assert not storage.blobs.exists(loose)


async def test_an_orphan_of_a_crash_goes(storage: Storage) -> None:
    """It got its name, and the process died before it got its link."""
    orphan = storage.blobs.write(b"orphan")
    done = await asyncio.to_thread(collect, storage, Plan())
    assert done.blobs == 1
    assert not storage.blobs.exists(orphan)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":5000", Address("", 5000)),
        ("localhost", Address("localhost", 5000)),
        ("[::1]:80", Address("::1", 80)),
        ("10.0.0.1:0", Address("10.0.0.1", 0)),
        ("unix:///run/r.sock", Address(path="/run/r.sock")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    parsed = parse_address(text)
    assert (parsed.host, parsed.path) == (address.host, address.path) or parsed.path == address.path
    assert parsed.path or parsed.port == address.port
