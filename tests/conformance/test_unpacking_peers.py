"""A whole Debian, unpacked by corral, by GNU tar and by umoci: every file is the same."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.peer_root import PEERS, ROOT
from support.tars import unpack
from support.trees import describe, difference

DEBIAN = PEERS / "debian.tar"

pytestmark = [
    pytest.mark.requires("root", "tar"),
    pytest.mark.skipif(not DEBIAN.exists(), reason=f"{DEBIAN} is not there: a root file system of Debian as a tar"),
]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    target = tmp_path_factory.mktemp("ours") / "root"
    unpack(DEBIAN.read_bytes(), target)
    yield target
    shutil.rmtree(target)


def test_gnu_tar(ours: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "root"
    theirs.mkdir()
    try:
        subprocess.run(
            ["tar", "-xpf", DEBIAN, "--numeric-owner", "--xattrs", "--xattrs-include=*", "-C", theirs], check=True
        )
        found = describe(ours)
        assert len(found) > 5000
        assert difference(found, describe(theirs)) == []
    finally:
        shutil.rmtree(theirs)


@pytest.mark.skipif(not (ROOT / "usr/bin/umoci").exists(), reason=f"umoci is not installed in {ROOT}")
def test_umoci(ours: Path) -> None:
    scratch = ROOT / "tmp" / f"unpack-{secrets.token_hex(4)}"
    scratch.mkdir()
    try:
        layout(scratch / "layout")
        inside = "/" + str(scratch.relative_to(ROOT))
        subprocess.run(
            ["chroot", ROOT, "umoci", "unpack", "--image", f"{inside}/layout:debian", f"{inside}/bundle"],
            check=True,
            capture_output=True,
        )
        assert difference(describe(ours), describe(scratch / "bundle" / "rootfs")) == []
    finally:
        shutil.rmtree(scratch)


def layout(directory: Path) -> None:
    """An OCI image layout with one image of one layer, called debian."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(content: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    layer = blob(DEBIAN.read_bytes(), "layer.v1.tar")
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    config = blob(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode(), "config.v1+json")
    manifest = {"schemaVersion": 2, "config": config, "layers": [layer]}
    entry = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "debian"}
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
