"""docker pull, and what comes of it when the registry, the disk or the daemon fails in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.engines import NEEDS
from support.host import TestHost
from support.host_registry import HostRegistry, registry_in
from support.images import config, digest
from support.poll import until
from support.registry_server import Client
from support.served import INDEX, LAYER, MANIFEST, descriptor, gzipped, manifest_of
from support.tars import file, tar

pytestmark = [pytest.mark.requires(*NEEDS, "docker-registry"), pytest.mark.timeout(300)]

SMALL = tar(file("etc/issue", b"small\n"))


@pytest.fixture(scope="module")
def registry(host: TestHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostRegistry]:
    with registry_in(host, tmp_path_factory.mktemp("registry")) as started:
        yield started


def publish(client: Client, repository: str, tag: str, *layers: bytes, **attributes: object) -> bytes:
    """The manifest of an image that the registry now has; also what is in ``docker manifest``."""
    content = config(*layers, **attributes)
    blobs = [gzipped(layer) for layer in layers]
    for blob in (content, *blobs):
        client.push_blob(repository, blob)
    manifest = manifest_of(content, [descriptor(blob, f"{LAYER}+gzip") for blob in blobs])
    client.push_manifest(repository, tag, manifest)
    return json.dumps(manifest).encode()


def noise(megabytes: int) -> bytes:
    """A layer that takes its time."""
    return tar(*(file(f"noise/{number}", os.urandom(1 << 20)) for number in range(megabytes)))


def test_an_image_is_pulled_and_runs(host: TestHost, registry: HostRegistry) -> None:
    name = f"{registry.address}/run:1"
    host.docker("tag", "busybox", name)
    host.docker("push", name)
    host.docker("rmi", name)
    assert host.docker("run", "--rm", name, "echo", "pulled").stdout == "pulled\n"
    host.docker("rmi", name)


def test_a_missing_image_is_pulled_unless_that_is_forbidden(host: TestHost, registry: HostRegistry) -> None:
    publish(registry.client, "implicit", "latest", SMALL)
    name = f"{registry.address}/implicit"
    for client in (host.docker, host.corral):
        never = client("create", "--pull", "never", name, "x", check=False)
        assert never.returncode == 1 and "No such image" in never.stderr
        created = client("create", name, "x")
        assert f"Unable to find image '{name}:latest' locally" in created.stderr
        assert f"Status: Downloaded newer image for {name}:latest" in created.stderr
        always = client("create", "--pull", "always", name, "x")
        assert f"Status: Image is up to date for {name}:latest" in always.stderr
        host.docker("rm", created.stdout.strip(), always.stdout.strip())
        host.docker("rmi", name)


def test_our_client_says_what_docker_says(host: TestHost, registry: HostRegistry) -> None:
    manifest = publish(registry.client, "words", "latest", SMALL)
    name = f"{registry.address}/words"
    item = digest(gzipped(SMALL))[7:19]
    expected = [
        "Using default tag: latest",
        "latest: Pulling from words",
        f"{item}: Pulling fs layer",
        f"{item}: Verifying Checksum",
        f"{item}: Download complete",
        f"{item}: Pull complete",
        f"Digest: {digest(manifest)}",
        f"Status: Downloaded newer image for {name}:latest",
        f"{name}:latest",
    ]
    for client in (host.docker, host.corral):
        assert client("pull", name).stdout.splitlines() == expected
        assert client("pull", "-q", name).stdout == f"{name}:latest\n"
        assert client("pull", f"{name}@{digest(manifest)}").stdout.splitlines()[-1] == f"{name}@{digest(manifest)}"
        assert client("pull", "-a", name).stdout.splitlines()[-1] == name
        host.docker("rmi", name)


def test_events_and_digests_show_a_pull(host: TestHost, registry: HostRegistry) -> None:
    manifest = publish(registry.client, "seen", "latest", SMALL)
    name = f"{registry.address}/seen"
    since = f"{time.time() - 1:.0f}"
    host.docker("pull", "-q", name)
    form = "{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}}"
    events = host.docker("events", "--since", since, "--until", f"{time.time() + 1:.0f}", "--format", form).stdout
    assert f"pull {name}:latest {name}" in events.splitlines()
    form = "{{.Repository}} {{.Digest}}"
    assert f"{name} {digest(manifest)}" in host.docker("images", "--digests", "--format", form).stdout.splitlines()
    host.docker("rmi", name)


def test_platforms_of_an_index_are_pulled_one_by_one(host: TestHost, registry: HostRegistry) -> None:
    members = []
    for architecture in ("amd64", "s390x"):
        manifest = publish(registry.client, "multi", architecture, SMALL, architecture=architecture)
        members.append(descriptor(manifest, MANIFEST, platform={"os": "linux", "architecture": architecture}))
    registry.client.push_manifest("multi", "latest", {"schemaVersion": 2, "mediaType": INDEX, "manifests": members})
    name = f"{registry.address}/multi"
    host.docker("pull", "-q", "--platform", "linux/s390x", name)
    refused = host.docker("pull", "--platform", "linux/ppc64le", name, check=False)
    assert "no matching manifest for linux/ppc64le in the manifest list entries" in refused.stderr
    host.docker("rmi", name)


def test_a_registry_that_dies_in_the_middle_is_gone_back_to(fresh_host: TestHost, tmp_path: Path) -> None:
    with registry_in(fresh_host, tmp_path / "registry") as registry:
        publish(registry.client, "dying", "latest", SMALL, noise(120))
        name = f"{registry.address}/dying"
        pulling = _begun(fresh_host, name)
        registry.kill()
        assert pulling.wait(120) != 0
        assert name not in fresh_host.docker("images").stdout
        registry.start()
        fresh_host.docker("pull", "-q", name)
        _whole(fresh_host, name)


def _begun(host: TestHost, name: str) -> subprocess.Popen[bytes]:
    """A pull whose first bytes have come."""
    pulling = subprocess.Popen(
        ["docker", "-H", host.url, "pull", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until(lambda: any(_bytes(path) for path in host.data_root.rglob("partial-*")) or pulling.poll() is not None)
    return pulling


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _whole(host: TestHost, name: str) -> None:
    """The image can be used, and nothing else is left of several attempts."""
    container = host.docker("create", name, "x").stdout.strip()
    archive = host.docker("export", container, timeout=300)
    assert archive.returncode == 0
    host.docker("rm", container)
    assert list(host.data_root.rglob("partial-*")) == []


@pytest.mark.parametrize("moment", [0.0, 0.15, 0.4, 0.8], ids=["download", "early", "unpacking", "late"])
def test_a_daemon_killed_in_the_middle_leaves_nothing_half_done(
    fresh_host: TestHost, tmp_path: Path, moment: float
) -> None:
    host = fresh_host
    with registry_in(host, tmp_path / "registry") as registry:
        publish(registry.client, "killed", "latest", SMALL, noise(60), noise(60))
        name = f"{registry.address}/killed"
        pulling = _begun(host, name)
        time.sleep(moment)
        host.stop(signal.SIGKILL)
        pulling.wait(60)
        host.start()
        if name not in host.docker("images").stdout:
            assert _layers(host) == _layers_of_images(host)
        host.docker("pull", "-q", name)
        _whole(host, name)
        host.docker("rmi", name)
        host.restart(signal.SIGTERM)
        until(lambda: _layers(host) == _layers_of_images(host))


def _layers(host: TestHost) -> int:
    """Directories of image layers on the disk, besides those that are always there."""
    return sum(1 for path in (host.data_root / "overlay2").iterdir() if (path / "recipe").exists())


def _layers_of_images(host: TestHost) -> int:
    ids = set(host.docker("images", "-aq", "--no-trunc").stdout.split())
    form = '{{join .RootFS.Layers " "}}'
    return len({layer for one in ids for layer in host.docker("inspect", "-f", form, one).stdout.split()})


@pytest.mark.slow
def test_a_full_disk_is_told_and_gives_its_space_back(mark: str, busybox: Path, tmp_path: Path) -> None:
    host = TestHost(mark)
    host.data_root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700m", "tmpfs", host.data_root], check=True)
    try:
        host.start()
        host.import_busybox(busybox)
        with registry_in(host, tmp_path / "registry") as registry:
            publish(registry.client, "large", "latest", SMALL, noise(400))
            before = _used(host.data_root)
            refused = host.docker("pull", f"{registry.address}/large", check=False, timeout=300)
            assert refused.returncode == 1
            assert "no space left on device" in refused.stderr
            until(lambda: _used(host.data_root) < before + (10 << 20), 30)
            assert host.docker("run", "--rm", "busybox", "echo", "still").stdout == "still\n"
    finally:
        host.close()


def _used(path: Path) -> int:
    status = os.statvfs(path)
    return (status.f_blocks - status.f_bfree) * status.f_frsize
