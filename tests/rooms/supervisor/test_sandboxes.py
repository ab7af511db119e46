"""Network namespaces that belong to a user namespace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corral.errors import Conflict
from corral.linux import user_namespace
from corral.oci.idmaps import IDMaps, Owner
from corral.oci.runtime import IDMapping
from support.native import Host

pytestmark = pytest.mark.requires("root", "namespaces")

MAPS = IDMaps.of([IDMapping(0, 100_000, 1000)], [IDMapping(0, 100_000, 1000)])


def unpin(*paths: Path) -> None:
    from corral.network.namespace import unpin as remove

    for path in paths:
        remove(path)


async def test_a_sandbox_is_born_with_the_user_namespace_that_owns_it(host: Host) -> None:
    path, owner = host.root.sandbox("b" * 12), host.root.sandbox_owner("b" * 12)
    namespace, netlink = await host.driver.sandbox(path, Owner(owner, MAPS))
    try:
        found = user_namespace.owner_of(namespace)
        assert os.fstat(found).st_ino == os.stat(owner).st_ino
        assert os.fstat(namespace).st_ino == os.stat(path).st_ino
        with pytest.raises(Conflict):
            await host.driver.sandbox(path, Owner(host.root.sandbox_owner("c" * 12), MAPS))
        assert not host.root.sandbox_owner("c" * 12).exists(), "nothing is left of a failed one"
        os.close(found)
    finally:
        os.close(namespace)
        os.close(netlink)
        unpin(path, owner)


async def test_a_sandbox_is_made_for_a_user_namespace_that_is_there(host: Host) -> None:
    first, owner, second = host.root.sandbox("d" * 12), host.root.sandbox_owner("d" * 12), host.root.sandbox("e" * 12)
    fds = [*await host.driver.sandbox(first, Owner(owner, MAPS))]
    try:
        fds += await host.driver.sandbox(second, Owner(owner, None))
        assert os.stat(first).st_ino != os.stat(second).st_ino
        found = user_namespace.owner_of(fds[2])
        assert os.fstat(found).st_ino == os.stat(owner).st_ino
        os.close(found)
    finally:
        for fd in fds:
            os.close(fd)
        unpin(first, second, owner)
