"""One host for each test and for each driver: our own runtime, and those OCI runtimes that are here.

crun refuses a machine that has controllers in both versions of cgroups. There its supervisor gets a mount namespace
without version 2, which crun takes for a machine of version 1.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.runtime import supervisor
from corral.runtime.cgroups import Hierarchies
from corral.runtime.driver import RuntimeBinary
from support import native

OWN = Path(sys.executable).parent / "corral-oci"
RUNTIMES = {
    "native": None,
    "runc": RuntimeBinary("runc"),
    "crun": RuntimeBinary("crun"),
    "corral-oci": RuntimeBinary(str(OWN)),
}
_WITHOUT_V2 = 'umount "$1" && shift && exec "$@"'


@pytest.fixture(scope="session")
def busybox_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On the file system of the tests' directories, to be linked to."""
    program = shutil.which("busybox")
    assert program is not None
    return Path(shutil.copy(program, tmp_path_factory.mktemp("busybox") / "busybox"))


@pytest_asyncio.fixture(params=RUNTIMES)
async def host(
    request: pytest.FixtureRequest, tmp_path: Path, mark: str, busybox_copy: Path
) -> AsyncIterator[native.Host]:
    name = request.param
    runtime = RUNTIMES[name]
    if runtime is not None and shutil.which(runtime.path) is None:
        pytest.skip(f"{name} is not installed")
    host = native.Host(tmp_path, mark, busybox_copy)
    host.runtime = runtime
    if name == "crun":
        _without_hybrid_cgroups(host)
    await host.connect()
    try:
        yield host
    finally:
        await host.close()


def _without_hybrid_cgroups(host: native.Host) -> None:
    """Start the supervisor, to which the driver then connects. Nothing to do on a machine of one version."""
    found = Hierarchies.of_host()
    if found.v2 is None or not found.v1:
        return
    root = host.root
    root.root.mkdir()
    main = Path(supervisor.__file__).with_name("main.py")
    paths = (root.supervisor_socket, root.supervisor_lock, root.supervisor_spool, root.containers)
    with root.supervisor_log.open("ab") as log:
        subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", _WITHOUT_V2, "sh", found.v2.mount_point,
             sys.executable, "-SI", main, *paths],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, cwd="/",
        )  # fmt: skip
