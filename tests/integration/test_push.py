"""docker push with both clients, what configuration changes of it, and registries that fail in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.engines import NEEDS
from support.host import TestHost
from support.host_registry import HostRegistry, registry_in
from support.poll import until
from support.tars import file, tar

pytestmark = [pytest.mark.requires(*NEEDS, "docker-registry"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def registry(host: TestHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostRegistry]:
    with registry_in(host, tmp_path_factory.mktemp("registry"), 5001) as started:
        yield started


def _made(host: TestHost, name: str, content: bytes, tmp_path: Path) -> str:
    """An image of one file; the short name of its layer."""
    archive = tmp_path / "layer.tar"
    archive.write_bytes(tar(file("content", content)))
    host.docker("import", archive, name)
    return host.docker("inspect", "-f", "{{index .RootFS.Layers 0}}", name).stdout[7:19]


@pytest.mark.parametrize("program", ["docker", "corral"])
def test_clients_say_what_docker_says(host: TestHost, registry: HostRegistry, tmp_path: Path, program: str) -> None:
    client = host.docker if program == "docker" else host.corral
    name, other = f"{registry.address}/{program}", f"{registry.address}/{program}-other"
    item = _made(host, name, program.encode(), tmp_path)
    host.docker("tag", name, other)
    first = client("push", name).stdout.splitlines()
    assert first[:-1] == [
        "Using default tag: latest",
        f"The push refers to repository [{name}]",
        f"{item}: Preparing",
        f"{item}: Pushed",
    ]
    assert first[-1].startswith("latest: digest: sha256:") and " size: 52" in first[-1]
    assert client("push", name).stdout.splitlines()[3] == f"{item}: Layer already exists"
    assert client("push", other).stdout.splitlines()[3] == f"{item}: Mounted from {program}"
    assert client("push", "-q", name).stdout == f"{name}:latest\n"
    assert client("push", "-a", name).stdout.splitlines()[-1] == first[-1]
    unknown = client("push", f"{name}:other", check=False)
    assert (unknown.returncode, unknown.stderr) == (1, f"tag does not exist: {name}:other\n")
    host.docker("rmi", name, other)


def test_a_program_reads_tag_digest_and_size(host: TestHost, registry: HostRegistry, tmp_path: Path) -> None:
    name = f"{registry.address}/aux"
    _made(host, name, b"aux", tmp_path)
    sdk = host.sdk()
    lines = list(sdk.images.push(name, tag="latest", stream=True, decode=True))
    sdk.close()
    (aux,) = [line["aux"] for line in lines if "aux" in line]
    (pinned,) = json.loads(host.docker("inspect", "-f", "{{json .RepoDigests}}", name).stdout)
    assert aux.pop("Size") > 500
    assert aux == {"Tag": "latest", "Digest": pinned.partition("@")[2]}
    host.docker("rmi", name)


def test_a_push_into_a_registry_that_dies_succeeds_later(fresh_host: TestHost, tmp_path: Path) -> None:
    with registry_in(fresh_host, tmp_path / "registry") as registry:
        name = f"{registry.address}/dying"
        _made(fresh_host, name, os.urandom(150 << 20), tmp_path)
        pushing = subprocess.Popen(
            ["docker", "-H", fresh_host.url, "push", name], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        uploads = tmp_path / "registry" / "data"
        until(lambda: any(uploads.rglob("_uploads/*")) or pushing.poll() is not None, 60)
        registry.kill()
        _, error = pushing.communicate(timeout=120)
        assert pushing.returncode == 1 and b"connection refused" in error
        registry.start()
        fresh_host.docker("push", "-q", name)
        fresh_host.docker("rmi", name)
        fresh_host.docker("pull", "-q", name)


def test_mirrors_and_limits_are_taken_over_by_sighup(mark: str, busybox: Path, tmp_path: Path) -> None:
    configuration = tmp_path / "daemon.json"
    configuration.write_text("{}")
    host = TestHost(mark, flags=["--config-file", str(configuration)])
    try:
        host.start()
        host.import_busybox(busybox)
        with registry_in(host, tmp_path / "registry") as registry:
            host.docker("tag", "busybox", f"{registry.address}/library/mirrored")
            host.docker("push", f"{registry.address}/library/mirrored")
            assert host.docker("pull", "mirrored", check=False).returncode == 1
            settings = {
                "registry-mirrors": [f"http://{registry.address}"],
                "mirrors": {"elsewhere.test:5000": [f"http://{registry.address}"]},
                "insecure-registries": ["10.9.0.0/16", "lan.test:5000"],
                "max-concurrent-downloads": 1,
            }
            configuration.write_text(json.dumps(settings))
            assert host.daemon is not None
            os.kill(host.daemon.pid, signal.SIGHUP)
            shown = host.docker("info", "-f", "{{json .RegistryConfig}}").stdout
            until(lambda: "10.9.0.0/16" in host.docker("info", "-f", "{{json .RegistryConfig}}").stdout)
            shown = json.loads(host.docker("info", "-f", "{{json .RegistryConfig}}").stdout)
            assert shown["Mirrors"] == [f"http://{registry.address}/"]
            assert shown["IndexConfigs"]["lan.test:5000"]["Secure"] is False
            assert host.docker("pull", "mirrored").stdout.splitlines()[-1] == "docker.io/library/mirrored:latest"
            host.docker("pull", "elsewhere.test:5000/library/mirrored")
    finally:
        host.close()
