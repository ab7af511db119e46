"""The OCI distribution specification 1.1, section by section, over our registry and over Debian's as the control.

Each test is named after a section, and says one MUST or SHOULD of it. What the reference registry (2.8) does not know,
such as referrers, is asked of ours alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.registry_server import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Client,
    descriptor,
    has_reference,
    manifest_of,
    reference,
    registry,
    sha256,
    sha512,
    with_query,
)

NAME = "conformance/one"
OTHER = "conformance/two"
ARTIFACT = "application/vnd.example.sbom.v1"


@pytest.fixture(scope="module", params=["corral", "corral-workers", "docker-registry"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    root: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "docker-registry":
        if not has_reference():
            pytest.skip("needs docker-registry")
        with reference(root) as process:
            yield process.client()
    else:
        workers = "2" if request.param == "corral-workers" else "1"
        with registry(root, "--workers", workers, "--chunk-min-length", "16") as process:
            yield process.client()


@pytest.fixture
def is_ours(request: pytest.FixtureRequest) -> bool:
    return not request.node.callspec.params["server"].startswith("docker")


@pytest.fixture
def ours(server: Client, is_ours: bool) -> Client:
    """For what the control does not have."""
    if not is_ours:
        pytest.skip("the reference registry 2.8 does not have this")
    return server


@pytest.fixture
def blob() -> bytes:
    return os.urandom(512)


def begin(server: Client, query: str = "", repository: str = NAME) -> str:
    answer = server("POST", f"/v2/{repository}/blobs/uploads/{query}", b"")
    assert answer.status == 202
    return answer.headers["location"]


def chunk(server: Client, method: str, location: str, content: bytes, start: int) -> Any:
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Range": f"{start}-{start + len(content) - 1}",
        "Content-Length": str(len(content)),
    }
    return server(method, location, content, headers)


class TestDeterminingSupport:
    def test_the_base_answers_ok(self, server: Client) -> None:
        assert server("GET", "/v2/").status == 200


class TestPullingManifests:
    def test_by_tag_gives_the_bytes_that_were_pushed_with_digest_and_type(self, server: Client, blob: bytes) -> None:
        manifest = server.image(NAME, blob)
        content = json.dumps(manifest, indent=3).encode()
        pushed = server("PUT", f"/v2/{NAME}/manifests/pull", content, {"Content-Type": OCI_MANIFEST})
        assert pushed.status == 201
        answer = server("GET", f"/v2/{NAME}/manifests/pull", headers={"Accept": OCI_MANIFEST})
        assert answer.status == 200
        assert answer.body == content
        assert answer.headers["content-type"] == OCI_MANIFEST
        assert answer.headers["docker-content-digest"] == sha256(content)

    def test_by_digest(self, server: Client, blob: bytes) -> None:
        digest = server.push_image(NAME, "by-digest", blob)
        answer = server("GET", f"/v2/{NAME}/manifests/{digest}", headers={"Accept": OCI_MANIFEST})
        assert answer.status == 200
        assert sha256(answer.body) == digest

    @pytest.mark.parametrize("reference", ["missing-tag", sha256(b"nothing like it")])
    def test_what_is_not_there_is_404_manifest_unknown(self, server: Client, reference: str) -> None:
        answer = server("GET", f"/v2/{NAME}/manifests/{reference}")
        assert answer.status == 404
        assert answer.error == "MANIFEST_UNKNOWN"

    def test_a_repository_that_is_not_there_is_404(self, server: Client) -> None:
        assert server("GET", "/v2/no/such/repository/manifests/latest").status == 404

    @pytest.mark.parametrize("reference", ["sha256:baddigeststring", "md5:d41d8cd98f00b204e9800998ecf8427e"])
    def test_what_is_no_digest_is_refused(self, ours: Client, reference: str) -> None:
        assert ours("GET", f"/v2/{NAME}/manifests/{reference}").status in (400, 404)


class TestPullingBlobs:
    def test_gives_the_blob_with_its_digest(self, server: Client, blob: bytes) -> None:
        digest = server.push_blob(NAME, blob)
        answer = server("GET", f"/v2/{NAME}/blobs/{digest}")
        assert (answer.status, answer.body) == (200, blob)
        assert answer.headers["docker-content-digest"] == digest

    def test_what_is_not_there_is_404_blob_unknown(self, server: Client) -> None:
        answer = server("GET", f"/v2/{NAME}/blobs/{sha256(b'nothing like this')}")
        assert answer.status == 404
        assert answer.error == "BLOB_UNKNOWN"

    @pytest.mark.parametrize(
        ("wanted", "first", "last"),
        [("500-1499", 500, 1499), ("500-", 500, 2047), ("-500", 1548, 2047), ("2000-5000", 2000, 2047)],
    )
    def test_a_range_is_206_with_content_range(self, server: Client, wanted: str, first: int, last: int) -> None:
        content = os.urandom(2048)
        digest = server.push_blob(NAME, content)
        answer = server("GET", f"/v2/{NAME}/blobs/{digest}", headers={"Range": f"bytes={wanted}"})
        assert answer.status == 206
        assert answer.body == content[first : last + 1]
        assert answer.headers["content-range"] == f"bytes {first}-{last}/2048"
        assert answer.headers["content-length"] == str(last - first + 1)

    @pytest.mark.parametrize("wanted", ["5000-10000", "500-0"])
    def test_a_range_outside_is_416(self, ours: Client, wanted: str) -> None:
        digest = ours.push_blob(NAME, os.urandom(2048))
        assert ours("GET", f"/v2/{NAME}/blobs/{digest}", headers={"Range": f"bytes={wanted}"}).status == 416

    @pytest.mark.parametrize("content", [b"", b"{}"], ids=["empty", "empty-json"])
    def test_well_known_blobs(self, server: Client, content: bytes) -> None:
        digest = server.push_blob(NAME, content)
        assert server("GET", f"/v2/{NAME}/blobs/{digest}").body == content


class TestCheckingIfContentExists:
    def test_head_of_a_blob_has_length_and_digest(self, server: Client, blob: bytes) -> None:
        digest = server.push_blob(NAME, blob)
        answer = server("HEAD", f"/v2/{NAME}/blobs/{digest}")
        assert answer.status == 200
        assert answer.headers["docker-content-digest"] == digest
        assert answer.headers["content-length"] == str(len(blob))
        assert answer.body == b""

    def test_head_of_a_manifest_has_length_digest_and_type(self, server: Client, blob: bytes) -> None:
        digest = server.push_image(NAME, "head", blob)
        for reference_ in ("head", digest):
            answer = server("HEAD", f"/v2/{NAME}/manifests/{reference_}", headers={"Accept": OCI_MANIFEST})
            assert answer.status == 200
            assert answer.headers["docker-content-digest"] == digest
            assert int(answer.headers["content-length"]) > 0
            assert answer.headers["content-type"] == OCI_MANIFEST

    def test_what_is_not_there_is_404(self, server: Client) -> None:
        digest = sha256(b"not there")
        assert server("HEAD", f"/v2/{NAME}/blobs/{digest}").status == 404
        assert server("HEAD", f"/v2/{NAME}/manifests/{digest}").status == 404


class TestPushingABlobMonolithically:
    def test_post_then_put(self, server: Client, blob: bytes) -> None:
        location = begin(server)
        answer = server("PUT", with_query(location, digest=sha256(blob)), blob)
        assert answer.status == 201
        assert server("GET", answer.headers["location"]).body == blob

    def test_single_post_is_taken_or_asks_for_a_put(self, server: Client, blob: bytes, is_ours: bool) -> None:
        answer = server("POST", f"/v2/{NAME}/blobs/uploads/?digest={sha256(blob)}", blob)
        assert answer.status == 201 if is_ours else answer.status in (201, 202)
        if answer.status == 201:
            assert server("GET", answer.headers["location"]).body == blob

    def test_another_digest_than_promised_is_400_digest_invalid(self, server: Client, blob: bytes) -> None:
        answer = server("PUT", with_query(begin(server), digest=sha256(b"else")), blob)
        assert answer.status == 400
        assert answer.error == "DIGEST_INVALID"
        assert server("HEAD", f"/v2/{NAME}/blobs/{sha256(blob)}").status == 404

    @pytest.mark.parametrize("digest", ["sha256:short", "nothing", "md5:d41d8cd98f00b204e9800998ecf8427e"])
    def test_what_is_no_digest_is_400(self, server: Client, blob: bytes, digest: str) -> None:
        assert server("PUT", with_query(begin(server), digest=digest), blob).status == 400

    def test_sha512(self, server: Client, blob: bytes) -> None:
        digest = server.push_blob(NAME, blob, sha512(blob))
        answer = server("GET", f"/v2/{NAME}/blobs/{digest}")
        assert (answer.status, answer.body) == (200, blob)


class TestPushingABlobInChunks:
    def test_three_chunks_and_a_closing_put(self, server: Client, blob: bytes) -> None:
        location = begin(server)
        for start in range(0, 512, 200):
            answer = chunk(server, "PATCH", location, blob[start : start + 200], start)
            assert answer.status == 202
            assert answer.headers["range"] == f"0-{min(start + 200, 512) - 1}"
            location = answer.headers["location"]
        answer = server("PUT", with_query(location, digest=sha256(blob)), b"")
        assert answer.status == 201
        assert server("GET", answer.headers["location"]).body == blob

    def test_the_last_chunk_may_come_with_the_put(self, server: Client, blob: bytes) -> None:
        location = chunk(server, "PATCH", begin(server), blob[:300], 0).headers["location"]
        answer = chunk(server, "PUT", with_query(location, digest=sha256(blob)), blob[300:], 300)
        assert answer.status == 201
        assert server("GET", answer.headers["location"]).body == blob

    def test_a_stream_has_no_range(self, server: Client, blob: bytes) -> None:
        answer = server("PATCH", begin(server), blob, {"Content-Type": "application/octet-stream"})
        assert answer.status == 202
        answer = server("PUT", with_query(answer.headers["location"], digest=sha256(blob)), b"")
        assert answer.status == 201

    @pytest.mark.parametrize("start", [100, 400])
    def test_a_chunk_out_of_order_is_416_and_the_upload_goes_on(self, ours: Client, blob: bytes, start: int) -> None:
        location = chunk(ours, "PATCH", begin(ours), blob[:200], 0).headers["location"]
        assert chunk(ours, "PATCH", location, blob[start : start + 50], start).status == 416
        answer = ours("GET", location)
        assert answer.status == 204
        assert answer.headers["range"] == "0-199"
        answer = chunk(ours, "PATCH", answer.headers["location"], blob[200:], 200)
        assert answer.status == 202
        assert ours("PUT", with_query(answer.headers["location"], digest=sha256(blob)), b"").status == 201

    def test_a_last_chunk_out_of_order_is_416(self, ours: Client, blob: bytes) -> None:
        location = chunk(ours, "PATCH", begin(ours), blob[:200], 0).headers["location"]
        assert chunk(ours, "PUT", with_query(location, digest=sha256(blob)), blob[300:], 300).status == 416

    def test_the_first_chunk_begins_with_0(self, ours: Client, blob: bytes) -> None:
        assert chunk(ours, "PATCH", begin(ours), blob[200:], 200).status == 416

    def test_the_minimum_length_of_chunks_is_told(self, ours: Client) -> None:
        answer = ours("POST", f"/v2/{NAME}/blobs/uploads/", b"")
        assert answer.headers["oci-chunk-min-length"] == "16"

    def test_another_digest_than_promised_is_400(self, server: Client, blob: bytes) -> None:
        location = chunk(server, "PATCH", begin(server), blob, 0).headers["location"]
        assert server("PUT", with_query(location, digest=sha256(b"other")), b"").status == 400

    def test_sha512_with_digest_algorithm(self, server: Client, blob: bytes) -> None:
        location = begin(server, "?digest-algorithm=sha512")
        location = chunk(server, "PATCH", location, blob, 0).headers["location"]
        answer = server("PUT", with_query(location, digest=sha512(blob)), b"")
        assert answer.status == 201
        assert server("GET", answer.headers["location"]).body == blob

    def test_an_unsupported_digest_algorithm_is_400(self, ours: Client) -> None:
        assert ours("POST", f"/v2/{NAME}/blobs/uploads/?digest-algorithm=md5", b"").status == 400


class TestCancelABlobUpload:
    def test_delete_is_204_and_the_upload_is_gone(self, server: Client, blob: bytes) -> None:
        location = begin(server)
        assert server("DELETE", location).status == 204
        answer = server("PATCH", location, blob)
        assert answer.status == 404
        assert answer.error == "BLOB_UPLOAD_UNKNOWN"

    def test_an_upload_that_never_was_is_404(self, server: Client) -> None:
        answer = server("GET", f"/v2/{NAME}/blobs/uploads/0d1f6c6c-0000-4000-8000-000000000000")
        assert answer.status == 404


class TestMountingABlob:
    def test_from_another_repository_is_201(self, server: Client, blob: bytes) -> None:
        digest = server.push_blob(OTHER, blob)
        answer = server("POST", f"/v2/{NAME}/blobs/uploads/?mount={digest}&from={OTHER}", b"")
        assert answer.status == 201
        assert answer.headers["location"].endswith(f"/v2/{NAME}/blobs/{digest}")
        assert server("GET", answer.headers["location"]).body == blob

    def test_without_from_it_is_found(self, ours: Client, blob: bytes) -> None:
        digest = ours.push_blob(OTHER, blob)
        answer = ours("POST", f"/v2/{NAME}/blobs/uploads/?mount={digest}", b"")
        assert answer.status == 201
        assert ours("HEAD", f"/v2/{NAME}/blobs/{digest}").status == 200

    def test_what_is_nowhere_becomes_an_upload(self, server: Client, blob: bytes) -> None:
        digest = sha256(blob)
        answer = server("POST", f"/v2/{NAME}/blobs/uploads/?mount={digest}&from={OTHER}", b"")
        assert answer.status == 202
        assert server("PUT", with_query(answer.headers["location"], digest=digest), blob).status == 201


class TestPushingManifests:
    def test_the_location_is_pullable_and_the_digest_told(self, server: Client, blob: bytes) -> None:
        content = json.dumps(server.image(NAME, blob)).encode()
        answer = server("PUT", f"/v2/{NAME}/manifests/location", content, {"Content-Type": OCI_MANIFEST})
        assert answer.status == 201
        assert answer.headers["docker-content-digest"] == sha256(content)
        assert server("GET", answer.headers["location"], headers={"Accept": OCI_MANIFEST}).body == content

    def test_without_layers(self, server: Client) -> None:
        server.push_manifest(NAME, "no-layers", server.image(NAME))

    def test_an_index_and_an_index_of_indexes(self, server: Client, blob: bytes) -> None:
        image = json.dumps(server.image(NAME, blob)).encode()
        server("PUT", f"/v2/{NAME}/manifests/{sha256(image)}", image, {"Content-Type": OCI_MANIFEST})
        inner = index_of(descriptor(image, OCI_MANIFEST))
        content = json.dumps(inner).encode()
        server.push_manifest(NAME, sha256(content), inner)
        server.push_manifest(NAME, "nested", index_of(descriptor(content, OCI_INDEX)))

    def test_an_empty_index(self, server: Client, is_ours: bool) -> None:
        server.push_manifest(NAME, "empty-index", index_of())

    def test_unknown_fields_are_kept(self, server: Client, blob: bytes) -> None:
        manifest = {**server.image(NAME, blob), "org.example.field": {"a": [1, None]}}
        digest = server.push_manifest(NAME, "unknown", manifest)
        answer = server("GET", f"/v2/{NAME}/manifests/{digest}", headers={"Accept": OCI_MANIFEST})
        assert answer.json == manifest

    def test_a_blob_that_is_not_there_is_manifest_blob_unknown(self, server: Client) -> None:
        server.push_blob(NAME, b"{}")
        content = json.dumps(manifest_of(b"{}", b"never pushed")).encode()
        answer = server("PUT", f"/v2/{NAME}/manifests/missing", content, {"Content-Type": OCI_MANIFEST})
        assert answer.status in (400, 404)
        assert {error["code"] for error in answer.json["errors"]} == {"MANIFEST_BLOB_UNKNOWN"}

    def test_a_layer_that_may_not_be_distributed_need_not_be_there(self, ours: Client) -> None:
        ours.push_blob(NAME, b"{}")
        foreign = {
            **descriptor(b"elsewhere", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
            "urls": ["https://example.com/layer"],
        }
        ours.push_manifest(NAME, "foreign", {**manifest_of(b"{}"), "layers": [foreign]})

    def test_another_digest_than_promised_is_400(self, server: Client, blob: bytes) -> None:
        content = json.dumps(server.image(NAME, blob)).encode()
        answer = server(
            "PUT", f"/v2/{NAME}/manifests/{sha256(content)}", content + b"  ", {"Content-Type": OCI_MANIFEST}
        )
        assert answer.status == 400

    def test_four_megabytes_are_taken(self, server: Client, blob: bytes) -> None:
        manifest = server.image(NAME, blob, annotations={f"large-{number}": "A" * 10_000 for number in range(390)})
        server.push_manifest(NAME, "large", manifest)

    def test_more_than_the_limit_is_413(self, ours: Client, blob: bytes) -> None:
        manifest = ours.image(NAME, blob, annotations={"large": "A" * (5 << 20)})
        answer = ours(
            "PUT", f"/v2/{NAME}/manifests/larger", json.dumps(manifest).encode(), {"Content-Type": OCI_MANIFEST}
        )
        assert answer.status == 413

    def test_tags_given_with_a_digest_are_made(self, ours: Client, blob: bytes) -> None:
        content = json.dumps(ours.image(NAME, blob)).encode()
        tags = [f"t{number}" for number in range(12)]
        query = "&".join(f"tag={tag}" for tag in tags)
        answer = ours("PUT", f"/v2/{NAME}/manifests/{sha256(content)}?{query}", content, {"Content-Type": OCI_MANIFEST})
        assert answer.status == 201
        assert [tag.strip() for tag in answer.headers["oci-tag"].split(",")] == tags
        assert ours("GET", f"/v2/{NAME}/manifests/t11").body == content

    def test_sha512(self, ours: Client, blob: bytes) -> None:
        content = json.dumps(ours.image(NAME, blob)).encode()
        answer = ours(
            "PUT", f"/v2/{NAME}/manifests/{sha512(content)}?tag=by512", content, {"Content-Type": OCI_MANIFEST}
        )
        assert answer.status == 201
        assert answer.headers["docker-content-digest"] == sha512(content)
        assert ours("HEAD", f"/v2/{NAME}/manifests/by512").headers["docker-content-digest"] == sha512(content)

    def test_a_push_by_digest_makes_no_tag(self, server: Client, blob: bytes) -> None:
        repository = f"{NAME}/untagged"
        manifest = server.image(repository, blob)
        server.push_manifest(repository, sha256(json.dumps(manifest).encode()), manifest)
        answer = server("GET", f"/v2/{repository}/tags/list")
        assert answer.status == 404 or not answer.json["tags"]


class TestPushingManifestsWithSubject:
    def test_the_subject_is_answered_and_need_not_be_there(self, ours: Client, blob: bytes) -> None:
        subject = descriptor(b"not there at all", OCI_MANIFEST)
        content = json.dumps(ours.image(NAME, blob, subject=subject)).encode()
        answer = ours("PUT", f"/v2/{NAME}/manifests/subject", content, {"Content-Type": OCI_MANIFEST})
        assert answer.status == 201
        assert answer.headers["oci-subject"] == subject["digest"]


class TestListingTags:
    @pytest.fixture(scope="class")
    @staticmethod
    def tagged(server: Client) -> str:
        repository = "conformance/tags"
        manifest = server.image(repository, b"layer")
        for tag in ("b2", "a1", "c3", "B0"):
            server.push_manifest(repository, tag, manifest)
        return repository

    def test_all_are_sorted(self, ours: Client, tagged: str) -> None:
        answer = ours("GET", f"/v2/{tagged}/tags/list")
        assert answer.status == 200
        assert answer.json == {"name": tagged, "tags": ["B0", "a1", "b2", "c3"]}

    def test_n_limits_and_links_to_the_rest(self, server: Client, tagged: str) -> None:
        answer = server("GET", f"/v2/{tagged}/tags/list?n=3")
        assert answer.json["tags"] == ["B0", "a1", "b2"] or len(answer.json["tags"]) == 4

    def test_the_link_leads_through_all_of_them(self, ours: Client, tagged: str) -> None:
        found, path = [], f"/v2/{tagged}/tags/list?n=3"
        while path:
            answer = ours("GET", path)
            found += answer.json["tags"]
            link = answer.headers.get("link", "")
            assert not link or link.endswith('; rel="next"')
            path = link[1 : link.find(">")] if link else ""
        assert found == ["B0", "a1", "b2", "c3"]

    def test_n_zero_is_empty_without_link(self, ours: Client, tagged: str) -> None:
        answer = ours("GET", f"/v2/{tagged}/tags/list?n=0")
        assert answer.json["tags"] == []
        assert "link" not in answer.headers

    def test_last_is_left_out(self, ours: Client, tagged: str) -> None:
        assert ours("GET", f"/v2/{tagged}/tags/list?last=a1").json["tags"] == ["b2", "c3"]
        assert ours("GET", f"/v2/{tagged}/tags/list?last=a1&n=1").json["tags"] == ["b2"]

    def test_a_repository_that_is_not_there_is_404_name_unknown(self, server: Client) -> None:
        answer = server("GET", "/v2/no/such/tags/list")
        assert answer.status == 404
        assert answer.error == "NAME_UNKNOWN"


class TestListingReferrers:
    @pytest.fixture(scope="class")
    @staticmethod
    def subject(server: Client) -> dict[str, Any]:
        """An image with an image, an artifact and an index that refer to it."""
        repository = "conformance/referrers"
        image = json.dumps(server.image(repository, b"the image")).encode()
        server("PUT", f"/v2/{repository}/manifests/image", image, {"Content-Type": OCI_MANIFEST})
        subject = descriptor(image, OCI_MANIFEST)
        pushed = {
            "image": server.image(repository, b"one", subject=subject),
            "artifact": server.image(
                repository, b"two", subject=subject, artifactType=ARTIFACT, annotations={"org.example.key": "value"}
            ),
            "index": {**index_of(), "subject": subject, "annotations": {"org.example.key": "index"}},
        }
        digests = {tag: server.push_manifest(repository, tag, manifest) for tag, manifest in pushed.items()}
        return {"repository": repository, "digest": subject["digest"], **digests}

    def listing(self, server: Client, subject: dict[str, Any], query: str = "") -> Any:
        answer = server("GET", f"/v2/{subject['repository']}/referrers/{subject['digest']}{query}")
        assert answer.status == 200
        assert answer.headers["content-type"] == OCI_INDEX
        assert (answer.json["schemaVersion"], answer.json["mediaType"]) == (2, OCI_INDEX)
        return answer

    def test_each_has_its_type_and_annotations(self, ours: Client, subject: dict[str, Any]) -> None:
        found = {entry["digest"]: entry for entry in self.listing(ours, subject).json["manifests"]}
        assert found.keys() == {subject["image"], subject["artifact"], subject["index"]}
        assert found[subject["image"]]["artifactType"] == OCI_CONFIG
        assert found[subject["artifact"]]["artifactType"] == ARTIFACT
        assert found[subject["artifact"]]["annotations"] == {"org.example.key": "value"}
        assert "artifactType" not in found[subject["index"]]
        assert found[subject["index"]]["annotations"] == {"org.example.key": "index"}

    def test_filtered_by_artifact_type(self, ours: Client, subject: dict[str, Any]) -> None:
        answer = self.listing(ours, subject, f"?artifactType={ARTIFACT}")
        assert answer.headers["oci-filters-applied"] == "artifactType"
        assert [entry["digest"] for entry in answer.json["manifests"]] == [subject["artifact"]]

    def test_nothing_is_an_empty_list_and_never_404(self, ours: Client) -> None:
        answer = ours("GET", f"/v2/{NAME}/referrers/{sha256(b'whatever')}")
        assert answer.status == 200
        assert answer.json["manifests"] == []

    def test_what_is_no_digest_is_400(self, ours: Client) -> None:
        assert ours("GET", f"/v2/{NAME}/referrers/sha256:nothing").status == 400

    def test_a_deleted_referrer_is_listed_no_more(self, ours: Client, blob: bytes) -> None:
        repository = "conformance/unreferred"
        target = descriptor(b"target", OCI_MANIFEST)
        digest = ours.push_manifest(repository, "gone", ours.image(repository, blob, subject=target))
        assert ours("DELETE", f"/v2/{repository}/manifests/{digest}").status == 202
        assert ours("GET", f"/v2/{repository}/referrers/{target['digest']}").json["manifests"] == []

    def test_many_are_led_through_by_links(self, ours: Client) -> None:
        repository = "conformance/many"
        target = descriptor(b"many", OCI_MANIFEST)
        ours.push_blob(repository, b"{}")
        wanted = {
            ours.push_manifest(
                repository,
                f"r{number}",
                {**manifest_of(b"{}"), "subject": target, "annotations": {"big": "x" * 700_000, "n": str(number)}},
            )
            for number in range(8)
        }
        found, path, pages = set(), f"/v2/{repository}/referrers/{target['digest']}", 0
        while path:
            answer = ours("GET", path)
            assert len(answer.body) < 4 << 20
            found |= {entry["digest"] for entry in answer.json["manifests"]}
            link = answer.headers.get("link", "")
            path = link[1 : link.find(">")] if link else ""
            pages += 1
        assert found == wanted
        assert pages == 2


class TestDeletingTags:
    def test_a_deleted_tag_is_404_and_its_manifest_stays(self, ours: Client, blob: bytes) -> None:
        digest = ours.push_image(NAME, "tag-to-delete", blob)
        assert ours("DELETE", f"/v2/{NAME}/manifests/tag-to-delete").status == 202
        assert ours("GET", f"/v2/{NAME}/manifests/tag-to-delete").status == 404
        assert ours("GET", f"/v2/{NAME}/manifests/{digest}").status == 200

    def test_a_tag_that_is_not_there_is_404(self, ours: Client) -> None:
        assert ours("DELETE", f"/v2/{NAME}/manifests/never-was").status == 404


class TestDeletingManifests:
    def test_a_deleted_manifest_is_404_by_digest_and_by_every_tag(self, server: Client, blob: bytes) -> None:
        manifest = server.image(NAME, blob)
        digest = server.push_manifest(NAME, "one-tag", manifest)
        server.push_manifest(NAME, "two-tag", manifest)
        assert server("DELETE", f"/v2/{NAME}/manifests/{digest}").status == 202
        for reference_ in (digest, "one-tag", "two-tag"):
            assert server("GET", f"/v2/{NAME}/manifests/{reference_}").status == 404

    def test_a_repository_that_is_not_there_is_404(self, server: Client) -> None:
        assert server("DELETE", f"/v2/no/such/one/manifests/{sha256(b'')}").status == 404


class TestDeletingBlobs:
    def test_a_deleted_blob_is_404(self, server: Client, blob: bytes) -> None:
        digest = server.push_blob(NAME, blob)
        assert server("DELETE", f"/v2/{NAME}/blobs/{digest}").status == 202
        assert server("GET", f"/v2/{NAME}/blobs/{digest}").status == 404

    def test_a_blob_that_is_not_there_is_404(self, server: Client) -> None:
        assert server("DELETE", f"/v2/{NAME}/blobs/{sha256(b'no blob like it')}").status == 404

    def test_another_repository_keeps_it(self, server: Client, blob: bytes) -> None:
        digest = server.push_blob(NAME, blob)
        server.push_blob(OTHER, blob)
        server("DELETE", f"/v2/{NAME}/blobs/{digest}")
        assert server("GET", f"/v2/{OTHER}/blobs/{digest}").body == blob


class TestErrorCodes:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/v2/UPPER/manifests/latest"),
            ("GET", "/v2/a..b/tags/list"),
            ("POST", "/v2/-a/blobs/uploads/"),
        ],
    )
    def test_an_invalid_name_is_refused(self, server: Client, method: str, path: str) -> None:
        assert server(method, path, b"" if method == "POST" else None).status in (400, 404)

    def test_the_body_has_the_form_of_the_specification(self, server: Client) -> None:
        answer = server("GET", f"/v2/{NAME}/manifests/missing")
        (error,) = answer.json["errors"]
        assert error["code"].replace("_", "").isupper()
        assert isinstance(error["message"], str)

    def test_a_method_that_is_not_there_is_405(self, server: Client) -> None:
        assert server("PATCH", f"/v2/{NAME}/manifests/latest", b"").status == 405


class TestCatalog:
    """Not in the specification; as the reference registry has it."""

    def test_repositories_are_sorted_and_paged(self, server: Client) -> None:
        for name in ("zz/b", "zz/a"):
            server.push_image(name, "latest", b"layer")
        answer = server("GET", "/v2/_catalog?last=zz&n=1")
        assert answer.json["repositories"] == ["zz/a"]
        assert 'rel="next"' in answer.headers["link"]
        assert server("GET", "/v2/_catalog?last=zz/a").json["repositories"] == ["zz/b"]


class TestConditionalPush:
    """Not in the specification, which lets clients use conditions where they are there (RFC 9110, section 13)."""

    def test_a_tag_that_moved_is_not_overwritten(self, ours: Client, blob: bytes) -> None:
        first = ours.push_image(NAME, "conditional", b"first")
        second = ours.push_image(NAME, "conditional", b"second")
        content = json.dumps(ours.image(NAME, blob)).encode()
        path, kind = f"/v2/{NAME}/manifests/conditional", {"Content-Type": OCI_MANIFEST}
        assert ours("PUT", path, content, {**kind, "If-Match": f'"{first}"'}).status == 412
        assert ours("PUT", path, content, {**kind, "If-None-Match": "*"}).status == 412
        assert ours("PUT", path, content, {**kind, "If-Match": f'"{second}"'}).status == 201

    def test_what_the_client_has_is_304(self, server: Client, blob: bytes) -> None:
        digest = server.push_image(NAME, "known", blob)
        headers = {"If-None-Match": f'"{digest}"', "Accept": OCI_MANIFEST}
        assert server("GET", f"/v2/{NAME}/manifests/known", headers=headers).status == 304


def index_of(*manifests: dict[str, Any]) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(manifests)}
