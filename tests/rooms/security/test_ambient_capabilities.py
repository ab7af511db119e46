"""What the runtime specification can say of capabilities and Docker never does: inheritable and ambient ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from corral.oci.runtime import Capabilities, User
from support import boxes, native
from support.native import Client, Host

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")

NET = ("CAP_NET_BIND_SERVICE", "CAP_NET_RAW")
BOTH, BIND = 1 << 10 | 1 << 13, 1 << 10


@pytest_asyncio.fixture
async def host(tmp_path: Path, mark: str, busybox_copy: Path) -> AsyncIterator[Host]:
    async with native.host(tmp_path, mark, busybox_copy) as host:
        yield host


@pytest.mark.parametrize("no_new_privs", [False, True])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # ambient: the only way for a user to have any after an execve
        (Capabilities(NET, NET, NET, NET, NET[:1]), (BOTH, BIND, BIND, BOTH, BIND)),
        (Capabilities(NET, NET, NET, NET, NET), (BOTH, BOTH, BOTH, BOTH, BOTH)),
        # without, they are gone; the inheritable ones stay for files that take them
        (Capabilities(NET, NET, NET, NET), (BOTH, 0, 0, BOTH, 0)),
        # not within permitted and inheritable: left out, as runc does with a warning
        (Capabilities(NET, NET, (), NET, NET), (0, 0, 0, BOTH, 0)),
        (Capabilities(NET, NET, NET, NET[:1], NET), (BOTH, BIND, BIND, BOTH, BIND)),
    ],
)
async def test_of_a_user(host: Host, given: Capabilities, expected: tuple[int, ...], no_new_privs: bool) -> None:
    client = Client()
    process = replace(
        boxes.shell("grep ^Cap /proc/self/status"),
        user=User(uid=1000, gid=1000),
        capabilities=given,
        no_new_privileges=no_new_privs,
    )
    await host.driver.run(host.request(process, client))
    lines = (await client.streams())[1].decode().splitlines()
    assert [int(line.split()[1], 16) for line in lines] == list(expected)
