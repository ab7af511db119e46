"""A runtime with a state directory of its own, and bundles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import oci


@pytest.fixture(scope="session")
def busybox_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oci.copy_of_busybox(tmp_path_factory.mktemp("busybox"))


@pytest.fixture(scope="module")
def cgroup_mark(mark: str) -> Iterator[str]:
    yield mark
    oci.remove_cgroups(mark)


@pytest.fixture
def runtime(tmp_path: Path, cgroup_mark: str) -> Iterator[oci.Runtime]:
    runtime = oci.Runtime(tmp_path / "state", cgroup_mark)
    yield runtime
    runtime.close()


@pytest.fixture
def make_bundle(tmp_path: Path, busybox_copy: Path, cgroup_mark: str) -> Callable[[str], oci.Bundle]:
    return lambda name: oci.Bundle(tmp_path / f"{tmp_path.name}-{name}", busybox_copy, cgroup_mark)


@pytest.fixture
def bundle(make_bundle: Callable[[str], oci.Bundle]) -> oci.Bundle:
    return make_bundle("bundle")


@pytest.fixture
def running(runtime: oci.Runtime, bundle: oci.Bundle) -> str:
    """The id of a container that sleeps."""
    runtime.ok("run", "--detach", "--bundle", bundle.path, "sleeper")
    return "sleeper"
