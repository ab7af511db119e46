"""A container's session keyring: its own, the same for all of its processes, and not for those of others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from corral.runtime.driver import Stdio
from support import boxes, native
from support.native import Client, Host

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")

ID = "c" * 64
SHOW = f"grep _ses.{ID} /proc/keys || echo none"


@pytest_asyncio.fixture
async def host(tmp_path: Path, mark: str, busybox_copy: Path) -> AsyncIterator[Host]:
    async with native.host(tmp_path, mark, busybox_copy) as host:
        if "keyring" not in Path("/proc/keys").read_text():
            pytest.skip("the kernel shows no keys")
        yield host


async def test_all_processes_of_a_container_are_in_one_keyring_named_after_it(host: Host) -> None:
    """Root sees those of other processes of root as well; one that nobody is in is gone."""
    client = Client()
    unmasked = {"masked_paths": ()}
    await host.driver.run(host.request(f"{SHOW}; exec sleep 1000", client, id=ID, linux=unmasked))
    first = (await client.until(b"\n"))[8:].split()
    assert first[7:] == [b"keyring", f"_ses.{ID}:".encode(), b"empty"]
    again = Client()
    await host.driver.exec(ID, "e" * 64, boxes.shell(SHOW), Stdio(), (again.attachment,))
    (line,) = (await again.streams())[1].splitlines()
    assert line.split()[0] == first[0]
    assert int(line.split()[2]) > int(first[2])  # one more process uses it
    await host.driver.delete(ID)
