"""Garbage goes while the server runs, and nothing else goes with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from support.registry_server import OCI_MANIFEST, Process, registry, sha256, with_query

NAME = "garbage/test"


def blob_files(root: Path) -> set[str]:
    return {f"{path.parent.name}:{path.name}" for path in (root / "blobs").rglob("*") if path.is_file()}


def gc(root: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "corral.cli.main", "registry", "gc", "--root", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_what_nobody_refers_to_goes_and_the_rest_stays(tmp_path: Path) -> None:
    with registry(tmp_path) as process:
        client = process.client()
        kept = client.push_image(NAME, "kept", b"kept layer")
        gone = client.push_image(NAME, "gone", b"gone layer")
        loose = client.push_blob(NAME, b"never referred to")
        assert client("DELETE", f"/v2/{NAME}/manifests/{gone}").status == 202
        assert {gone, loose, sha256(b"gone layer")} <= blob_files(tmp_path)
        assert "Blobs: 1\n" in gc(tmp_path)  # the manifest has no link; young blobs may be part of a push
        assert "Blobs: 2\n" in gc(tmp_path, "--grace", "0")
        assert blob_files(tmp_path) == {kept, sha256(b"kept layer"), sha256(b"{}")}
        assert client("GET", f"/v2/{NAME}/blobs/{loose}").status == 404
        assert client("GET", f"/v2/{NAME}/blobs/{sha256(b'kept layer')}").body == b"kept layer"


def test_untagged_manifests_go_when_asked_for_but_not_what_a_tag_leads_to(tmp_path: Path) -> None:
    with registry(tmp_path) as process:
        client = process.client()
        untagged = client.push_image(NAME, "latest", b"old")
        tagged = client.push_image(NAME, "latest", b"new")
        child_manifest = client.image(NAME, b"child")
        child = client.push_manifest(NAME, "child", child_manifest)
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{"mediaType": OCI_MANIFEST, "digest": child, "size": _size(process, child)}],
        }
        client.push_manifest(NAME, "index", index)
        signature = client.push_image(
            NAME, "signature", b"sig", subject={"mediaType": OCI_MANIFEST, "digest": tagged, "size": 1}
        )
        for tag in ("child", "signature"):
            assert client("DELETE", f"/v2/{NAME}/manifests/{tag}").status == 202
        gc(tmp_path, "--grace", "0")
        assert client("HEAD", f"/v2/{NAME}/manifests/{untagged}").status == 200
        assert "Manifests: 1\n" in gc(tmp_path, "--grace", "0", "--untagged")
        assert client("HEAD", f"/v2/{NAME}/manifests/{untagged}").status == 404
        for digest in (tagged, child, signature):
            assert client("HEAD", f"/v2/{NAME}/manifests/{digest}").status == 200
        assert sha256(b"old") not in blob_files(tmp_path)


def _size(process: Process, digest: str) -> int:
    return int(process.client()("HEAD", f"/v2/{NAME}/manifests/{digest}").headers["content-length"])


def test_uploads_in_flight_survive_collection_without_any_grace_for_files(tmp_path: Path) -> None:
    """Pushes run against a collector that never rests; each acknowledged image is whole at the end."""
    with registry(tmp_path, "--workers", "2") as process:
        done = threading.Event()
        pushed: list[tuple[str, bytes]] = []

        def push(number: int) -> None:
            client = process.client()
            for round_ in range(8):
                content = os.urandom(50_000)
                tag = f"t{number}-{round_}"
                client.push_image(f"{NAME}{number}", tag, content, b"shared by all")
                pushed.append((f"{NAME}{number}/manifests/{tag}", content))
                client("DELETE", f"/v2/{NAME}{number}/manifests/t{number}-{round_ - 4}")

        def sweep() -> None:
            while not done.is_set():
                gc(tmp_path, "--grace", "60s", "--upload-timeout", "60s")

        sweeper = threading.Thread(target=sweep)
        sweeper.start()
        pushers = [threading.Thread(target=push, args=(number,)) for number in range(3)]
        for thread in pushers:
            thread.start()
        for thread in pushers:
            thread.join()
        done.set()
        sweeper.join()
        assert len(pushed) == 24
        client = process.client()
        for path, content in pushed:
            repository = path.split("/manifests/")[0]
            if client("GET", f"/v2/{path}").status == 200:
                assert client("GET", f"/v2/{repository}/blobs/{sha256(content)}").body == content
                assert client("GET", f"/v2/{repository}/blobs/{sha256(b'shared by all')}").body == b"shared by all"


def test_the_server_collects_by_itself_and_forgets_uploads(tmp_path: Path) -> None:
    arguments = ("--gc-interval", "300ms", "--gc-grace", "0", "--upload-timeout", "500ms")
    with registry(tmp_path, *arguments) as process:
        client = process.client()
        client.push_blob(NAME, b"loose")
        location = client("POST", f"/v2/{NAME}/blobs/uploads/", b"").headers["location"]
        client("PATCH", location, b"half of it")
        deadline = time.monotonic() + 10
        while blob_files(tmp_path) or client("GET", location).status != 404:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        metrics = client("GET", "/metrics").body.decode()
        assert "corral_registry_collected_blobs_total 1" in metrics
        assert client("PUT", with_query(location, digest=sha256(b"x")), b"").error == "BLOB_UPLOAD_UNKNOWN"


def test_content_that_was_asked_for_is_young_again(tmp_path: Path) -> None:
    """Whoever asks (HEAD) does not send what is there; it must not go before their manifest arrives."""
    with registry(tmp_path, "--gc-grace", "2s", "--gc-interval", "10h") as process:
        client = process.client()
        digest = client.push_blob(NAME, b"{}")
        time.sleep(1.2)
        assert client("HEAD", f"/v2/{NAME}/blobs/{digest}").status == 200
        time.sleep(1.0)
        gc(tmp_path, "--grace", "2s")
        content = b'{"schemaVersion":2,"config":{"digest":"%s","size":2}}' % digest.encode()
        assert client("PUT", f"/v2/{NAME}/manifests/late", content, {"Content-Type": OCI_MANIFEST}).status == 201


def test_a_cache_is_brought_down_to_its_budget_oldest_first(tmp_path: Path) -> None:
    first, second = os.urandom(600_000), os.urandom(600_000)
    with registry(tmp_path / "upstream") as upstream:
        for content in (first, second):
            upstream.client().push_blob(NAME, content)
        arguments = ("--proxy", f"http://{upstream.address}", "--quota", "1m", "--gc-interval", "300ms")
        with registry(tmp_path / "cache", *arguments) as process:
            client = process.client()
            for content in (first, second):
                assert client("GET", f"/v2/{NAME}/blobs/{sha256(content)}").body == content
            deadline = time.monotonic() + 10
            while blob_files(tmp_path / "cache") != {sha256(second)}:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert client("GET", f"/v2/{NAME}/blobs/{sha256(first)}").body == first
