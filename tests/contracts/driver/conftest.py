"""One host for each test and for each driver: our own runtime, and those OCI runtimes that are here and run here."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.runtime.driver import RuntimeBinary, StartError
from support import native

OWN = Path(sys.executable).parent / "corral-oci"
RUNTIMES = {
    "native": None,
    "runc": RuntimeBinary("runc"),
    "crun": RuntimeBinary("crun"),
    "corral-oci": RuntimeBinary(str(OWN)),
}
_verdicts: dict[str, str] = {}
"""Why a runtime cannot be tested, "" when it can."""


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
    async with native.host(tmp_path, mark, busybox_copy) as host:
        host.runtime = runtime
        if name not in _verdicts:
            _verdicts[name] = await _verdict(host)
        if _verdicts[name]:
            pytest.skip(f"{name} does not run here: {_verdicts[name]}")
        yield host


async def _verdict(host: native.Host) -> str:
    """A runtime may refuse a machine; what it says about that is no failure of ours."""
    request = host.request("exit 0")
    try:
        await host.driver.run(request)
        await host.events.exit(request.id)
        await host.driver.delete(request.id)
    except StartError as error:
        if "cgroups in hybrid mode" in error.message:
            return error.message
        raise
    return ""
