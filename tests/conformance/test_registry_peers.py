"""Other people's clients and our registry: docker, podman, skopeo and buildah push to it and pull from it.

They are those of the peers' root, and the registry runs beside them in their network. What one pushes the others pull,
with the same digests; what they run is what was pushed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.registry.auth.htpasswd import new_line
from support import peer_root
from support.peer_root import ARCHIVE, PeerRoot

pytestmark = pytest.mark.requires("root", "namespaces", "overlay")
pytest.importorskip("bcrypt")

OPEN = "127.0.0.1:5500"
CLOSED = "127.0.0.1:5501"
CACHE = "127.0.0.1:5502"
_REGISTRIES = "".join(f'[[registry]]\nlocation="{address}"\ninsecure=true\n' for address in (OPEN, CLOSED, CACHE))


@pytest.fixture(scope="module")
def root(mark: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerRoot]:
    if reason := peer_root.missing("skopeo"):
        pytest.skip(reason)
    root = PeerRoot(tmp_path_factory.mktemp("peers"), f"{mark}reg")
    try:
        _prepare(root)
        yield root
    finally:
        root.close()


def _prepare(root: PeerRoot) -> None:
    root.run("ip", "link", "set", "lo", "up")
    root.write("/etc/containers/registries.conf", _REGISTRIES)
    root.write("/etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}')
    root.write("/srv/users", new_line("alice", "secret") + "\n")
    root.write("/srv/rules", "allow alice * **\nallow anonymous pull public/**\n")
    serve = (sys.executable, "-m", "corral.cli.main", "registry", "serve")
    root.daemon(*serve, "--root", "/storage/open", "--addr", OPEN, log="open.log")
    root.daemon(
        *serve, "--root", "/storage/closed", "--addr", CLOSED, "--htpasswd", "/srv/users", "--rules", "/srv/rules",
        log="closed.log",
    )  # fmt: skip
    root.daemon(*serve, "--root", "/storage/cache", "--addr", CACHE, "--proxy", f"http://{OPEN}", log="cache.log")
    for address in (OPEN, CLOSED, CACHE):
        host, port = address.split(":")
        root.wait_for("bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}")
    with Path(ARCHIVE).open("rb") as archive:
        root.run("sh", "-c", "cat > /srv/busybox.tar", stdin=archive.read())
    # an image of two layers in an OCI layout, by somebody else's tool
    container = root.run(*BUILDAH, "from", "scratch").strip()
    root.run(*BUILDAH, "add", container, "/srv/busybox.tar", "/")
    root.run(*BUILDAH, "config", "--cmd", "echo hello from the registry", container)
    root.run(*BUILDAH, "commit", container, "oci:/srv/layout:one")


COPY = ("skopeo", "copy", "--preserve-digests")  # it would compress what the layout holds as it is
BUILDAH = ("buildah", "--root", "/storage/buildah", "--runroot", "/run/buildah", "--storage-driver", "vfs")
PODMAN = ("podman", "--root", "/storage/podman", "--runroot", "/run/podman", "--storage-driver", "vfs")


def manifest_digest(root: PeerRoot, reference: str, *arguments: str) -> str:
    return root.run("skopeo", "inspect", *arguments, "--format", "{{.Digest}}", reference).strip()


def test_skopeo_copies_there_and_back_with_the_same_digest(root: PeerRoot) -> None:
    wanted = manifest_digest(root, "oci:/srv/layout:one")
    root.run(*COPY, "oci:/srv/layout:one", f"docker://{OPEN}/skopeo/image:one")
    assert manifest_digest(root, f"docker://{OPEN}/skopeo/image:one") == wanted
    root.run(*COPY, f"docker://{OPEN}/skopeo/image:one", "oci:/srv/back:one")
    assert manifest_digest(root, "oci:/srv/back:one") == wanted
    tags = json.loads(root.run("skopeo", "list-tags", f"docker://{OPEN}/skopeo/image"))
    assert tags["Tags"] == ["one"]


def test_skopeo_copies_between_repositories_by_mounting(root: PeerRoot) -> None:
    root.run(*COPY, "oci:/srv/layout:one", f"docker://{OPEN}/mount/a:one")
    root.run(*COPY, f"docker://{OPEN}/mount/a:one", f"docker://{OPEN}/mount/b:one")
    assert manifest_digest(root, f"docker://{OPEN}/mount/a:one") == manifest_digest(
        root, f"docker://{OPEN}/mount/b:one"
    )


def test_skopeo_deletes(root: PeerRoot) -> None:
    root.run(*COPY, "oci:/srv/layout:one", f"docker://{OPEN}/delete/me:one")
    root.run("skopeo", "delete", f"docker://{OPEN}/delete/me:one")
    assert root.call("skopeo", "inspect", f"docker://{OPEN}/delete/me:one").returncode


def test_podman_runs_what_skopeo_pushed_and_pushes_it_back(root: PeerRoot) -> None:
    root.run(*COPY, "oci:/srv/layout:one", f"docker://{OPEN}/podman/image:one")
    root.run(*PODMAN, "pull", f"{OPEN}/podman/image:one", timeout=120)
    assert root.run(*PODMAN, "image", "inspect", "--format", "{{.Config.Cmd}}", f"{OPEN}/podman/image:one")
    root.run(*PODMAN, "push", f"{OPEN}/podman/image:one", f"{OPEN}/podman/image:two", timeout=120)
    one, two = (
        json.loads(root.run("skopeo", "inspect", "--config", "--raw", f"docker://{OPEN}/podman/image:{tag}"))
        for tag in ("one", "two")
    )
    assert one == two


def test_buildah_pushes_with_zstd_and_docker_types(root: PeerRoot) -> None:
    root.run(*BUILDAH, "pull", "oci:/srv/layout:one", timeout=120)
    image = root.run(*BUILDAH, "images", "-q").split()[0]
    for name, arguments in {"zstd": ("--compression-format", "zstd"), "docker": ("--format", "docker")}.items():
        root.run(*BUILDAH, "push", *arguments, image, f"docker://{OPEN}/buildah/image:{name}", timeout=120)
        root.run(*COPY, f"docker://{OPEN}/buildah/image:{name}", f"dir:/srv/{name}")


def test_signing_in_with_skopeo_and_podman(root: PeerRoot) -> None:
    target = f"docker://{CLOSED}/private/image:one"
    refused = root.call(*COPY, "oci:/srv/layout:one", target)
    assert refused.returncode
    assert "authentication required" in refused.stderr or "unauthorized" in refused.stderr
    root.run(*COPY, "--dest-creds", "alice:secret", "oci:/srv/layout:one", target)
    root.run(*COPY, "--dest-creds", "alice:secret", "oci:/srv/layout:one", f"docker://{CLOSED}/public/image:one")
    assert manifest_digest(root, f"docker://{CLOSED}/public/image:one")
    assert "Login Succeeded" in root.run(*PODMAN, "login", "-u", "alice", "-p", "secret", CLOSED)
    root.run(*PODMAN, "pull", f"{CLOSED}/private/image:one", timeout=120)
    root.run(*PODMAN, "logout", CLOSED)
    assert root.call(*PODMAN, "login", "-u", "alice", "-p", "wrong", CLOSED).returncode


def test_podman_pulls_through_the_cache(root: PeerRoot) -> None:
    root.run(*COPY, "oci:/srv/layout:one", f"docker://{OPEN}/cached/image:one")
    root.run(*PODMAN, "pull", f"{CACHE}/cached/image:one", timeout=120)
    assert manifest_digest(root, f"docker://{CACHE}/cached/image:one") == manifest_digest(root, "oci:/srv/layout:one")


class TestDocker:
    """Docker 28 with a daemon of its own in the root."""

    @pytest.fixture(scope="class")
    @staticmethod
    def docker(root: PeerRoot) -> tuple[str, ...]:
        if reason := peer_root.missing("dockerd"):
            pytest.skip(reason)
        command = ("docker", "-H", "unix:///run/reg-docker.sock")
        root.daemon(
            "dockerd", "-H", "unix:///run/reg-docker.sock", "--data-root", "/storage/docker",
            "--exec-root", "/run/reg-docker",
            "--pidfile", "/run/reg-docker.pid", "--iptables=false", "--ip6tables=false", "--bridge=none",
            "--storage-driver=vfs", log="dockerd.log",
        )  # fmt: skip
        root.wait_for(*command, "version")
        root.run(*command, "import", "/srv/busybox.tar", f"{OPEN}/docker/image:one", timeout=120)
        return command

    def test_pushes_and_pulls_with_one_digest(self, root: PeerRoot, docker: tuple[str, ...]) -> None:
        pushed = root.run(*docker, "push", f"{OPEN}/docker/image:one", timeout=120)
        digest = re.search(r"digest: (sha256:[0-9a-f]{64})", pushed)
        assert digest
        assert manifest_digest(root, f"docker://{OPEN}/docker/image:one") == digest[1]
        root.run(*docker, "rmi", f"{OPEN}/docker/image:one")
        assert f"Digest: {digest[1]}" in root.run(*docker, "pull", f"{OPEN}/docker/image:one", timeout=120)
        assert f"Digest: {digest[1]}" in root.run(*docker, "pull", f"{OPEN}/docker/image@{digest[1]}", timeout=120)

    def test_a_second_repository_gets_its_layers_by_mount(self, root: PeerRoot, docker: tuple[str, ...]) -> None:
        root.run(*docker, "push", f"{OPEN}/docker/image:one", timeout=120)
        root.run(*docker, "tag", f"{OPEN}/docker/image:one", f"{OPEN}/docker/other:one")
        assert "Mounted from docker/image" in root.run(*docker, "push", f"{OPEN}/docker/other:one", timeout=120)

    def test_what_is_not_there_reads_as_usual(self, root: PeerRoot, docker: tuple[str, ...]) -> None:
        done = root.call(*docker, "pull", f"{OPEN}/no/such:image")
        assert f"manifest for {OPEN}/no/such:image not found: manifest unknown: manifest unknown" in done.stderr

    def test_signs_in(self, root: PeerRoot, docker: tuple[str, ...]) -> None:
        root.run(*docker, "tag", f"{OPEN}/docker/image:one", f"{CLOSED}/private/docker:one")
        done = root.call(*docker, "push", f"{CLOSED}/private/docker:one", timeout=120)
        assert done.returncode
        done = root.call(*docker, "login", "-u", "alice", "--password-stdin", CLOSED, stdin="wrong")
        assert done.returncode
        assert "Login Succeeded" in root.run(
            *docker, "login", "-u", "alice", "--password-stdin", CLOSED, stdin="secret"
        )
        root.run(*docker, "push", f"{CLOSED}/private/docker:one", timeout=120)
        root.run(*docker, "logout", CLOSED)
        assert root.call(*docker, "pull", f"{CLOSED}/private/docker:one").returncode
