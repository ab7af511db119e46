"""The image that pulls are measured with: Debian in eight layers, made once of the peers' archive of its root.

``python -m bench.layered DIRECTORY REGISTRY REPOSITORY`` makes it in DIRECTORY, an OCI layout of blobs, unless it is
there, and puts it into the registry (``host:port``, plain HTTP) when that has not got it.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

LAYERS = 8
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def make(directory: Path, archive: Path) -> Path:
    """Layer 1 is the root; the other seven are its files again below ``/copy``. Returns the manifest's path."""
    manifest_path = directory / "manifest.json"
    if manifest_path.exists():
        return manifest_path
    directory.mkdir(parents=True, exist_ok=True)
    layers, diff_ids = [], []
    for plain in _tars(archive):
        diff_ids.append(_digest(plain))
        layers.append(_store(directory, gzip.compress(plain, 6, mtime=0), _LAYER))
    rootfs = {"type": "layers", "diff_ids": diff_ids}
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["bash"]}, "rootfs": rootfs}
    described = _store(directory, json.dumps(config).encode(), _CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": described, "layers": layers}
    manifest_path.write_text(json.dumps(manifest))
    return manifest_path


def _tars(archive: Path) -> Iterator[bytes]:
    with tarfile.open(archive) as source:
        members = [member for member in source.getmembers() if not member.isdev()]
        yield _tar(source, members, "")
        share = -(-len(members) // (LAYERS - 1))
        for number in range(LAYERS - 1):
            yield _tar(source, members[number * share : (number + 1) * share], "copy/")


def _tar(source: tarfile.TarFile, members: list[tarfile.TarInfo], prefix: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as made:
        present = {member.name for member in members}
        for member in members:
            content = source.extractfile(member) if member.isreg() else None
            copy = member.replace(name=prefix + member.name.removeprefix("./"), deep=False)
            if member.islnk():
                if member.linkname not in present:
                    continue
                copy.linkname = prefix + member.linkname.removeprefix("./")
            made.addfile(copy, content)
    return target.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _store(directory: Path, content: bytes, media_type: str) -> dict[str, object]:
    digest = _digest(content)
    (directory / digest.partition(":")[2]).write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def put(directory: Path, registry: str, repository: str, tag: str = "latest") -> None:
    """Raises RuntimeError."""
    manifest = (directory / "manifest.json").read_bytes()
    decoded = json.loads(manifest)
    connection = http.client.HTTPConnection(registry)
    base = f"/v2/{repository}"
    if _ask(connection, "HEAD", f"{base}/manifests/{tag}", headers={"Accept": _MANIFEST})[0] == 200:
        return
    for descriptor in (decoded["config"], *decoded["layers"]):
        content = (directory / descriptor["digest"].partition(":")[2]).read_bytes()
        _, headers = _ask(connection, "POST", f"{base}/blobs/uploads/")
        location = headers["location"]
        joint = "&" if "?" in location else "?"
        status, _ = _ask(connection, "PUT", f"{location}{joint}digest={descriptor['digest']}", content)
        if status != 201:
            raise RuntimeError(f"{registry}: a blob was answered with {status}")
    status, _ = _ask(connection, "PUT", f"{base}/manifests/{tag}", manifest, {"Content-Type": _MANIFEST})
    if status != 201:
        raise RuntimeError(f"{registry}: the manifest was answered with {status}")


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str]]:
    connection.request(method, target, body, headers or {"Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    answer.read()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


if __name__ == "__main__":
    put(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
