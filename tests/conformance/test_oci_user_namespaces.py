"""Podman with our runtime command line as its runtime, and containers with ids of their own, which Podman itself gives
their files to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.test_oci_peers import Engine, _podman
from support import peer_root
from support.peer_root import PeerRoot

pytestmark = pytest.mark.requires("root", "namespaces", "cgroup", "overlay")

MAP = ("--uidmap", "0:100000:65536", "--gidmap", "0:200000:65536")


@pytest.fixture(scope="module")
def podman(mark: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if reason := peer_root.missing("podman"):
        pytest.skip(reason)
    root = PeerRoot(tmp_path_factory.mktemp("peers"), f"{mark}ids")
    yield _podman(root)
    root.close()


def test_root_inside_owns_its_files(podman: Engine) -> None:
    script = "id -u; stat -c %u:%g /bin/busybox; touch /new && stat -c %u:%g /new; cat /proc/self/uid_map"
    shown = podman.ok(*podman.run("--rm", *MAP, "busybox", "sh", "-c", script)).split()
    assert shown == ["0", "0:0", "0:0", "0", "100000", "65536"]


def test_terminals_and_execs(podman: Engine) -> None:
    podman.ok(*podman.run("-d", "-t", *MAP, "--name", "ids", "busybox", "sleep", "1000"))
    try:
        assert podman.ok("exec", "ids", "sh", "-c", "id -u; cat /proc/self/gid_map").split()[:3] == ["0", "0", "200000"]
        assert podman.ok("exec", "-t", "ids", "sh", "-c", "stat -c %u:%g $(tty)").strip() == "0:5"
    finally:
        podman.remove("ids")
