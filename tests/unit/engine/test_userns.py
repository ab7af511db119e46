"""Whose ids a container gets: subordinate ranges, the daemon's setting, modes, the pool, shared namespaces."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from corral.engine.container.record import ContainerRecord
from corral.engine.userns import remap, subids
from corral.engine.userns.mode import Auto, KeepID, parse
from corral.engine.userns.pool import IDPool, available, subtract
from corral.engine.userns.remap import Identity, identify, maps_of
from corral.engine.userns.shift import with_root
from corral.engine.userns.subids import SubRange
from corral.errors import Invalid, Unavailable
from corral.oci.idmaps import IDMaps
from corral.oci.runtime import IDMapping
from unit.engine.fakes import World

FILE = Path("/etc/subuid")


# -- subuid(5)


def test_lines_are_owner_start_and_count() -> None:
    text = "alice:100000:65536\n\n# a comment\n1001:165536:65536\n"
    assert subids.parse(text, FILE) == (SubRange("alice", 100_000, 65_536), SubRange("1001", 165_536, 65_536))


@pytest.mark.parametrize("line", ["alice:100000", "alice:x:1", "alice:1:-1", "alice:1:2:3", "alice"])
def test_a_malformed_line_is_refused_with_its_file(line: str) -> None:
    with pytest.raises(Invalid, match="Format not correct for /etc/subuid file"):
        subids.parse(line, FILE)


def test_ranges_are_found_by_name_and_by_number() -> None:
    ranges = subids.parse("alice:10:5\n1000:20:5\nbob:30:5\nalice:40:0\n", FILE)
    assert [one.start for one in subids.ranges_of(ranges, "alice", 1000)] == [10, 20]
    assert subids.ranges_of(ranges, "nobody", None) == ()


def test_ids_inside_go_through_all_ranges() -> None:
    ranges = [SubRange("a", 1000, 10), SubRange("a", 5000, 90)]
    assert subids.mappings(ranges) == (IDMapping(0, 1000, 10), IDMapping(10, 5000, 90))


def test_a_missing_file_has_no_ranges(tmp_path: Path) -> None:
    assert subids.read(tmp_path / "subuid") == ()


# -- userns-remap


def users(word: str) -> tuple[str, int]:
    known = {"alice": 1000, "root": 0}
    for name, number in known.items():
        if word in (name, str(number)):
            return name, number
    raise Invalid(f"no {word}")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("alice", Identity("alice", "alice", 1000, 1000)),
        ("1000", Identity("alice", "alice", 1000, 1000)),
        ("alice:root", Identity("alice", "root", 1000, 0)),
        ("1000:0", Identity("alice", "root", 1000, 0)),
    ],
)
def test_users_and_groups_by_name_or_number(setting: str, expected: Identity) -> None:
    assert identify(setting, users, users) == expected


@pytest.mark.parametrize("setting", ["a:b:c", ":alice"])
def test_what_is_no_user_is_refused(setting: str) -> None:
    with pytest.raises(Invalid, match="invalid user/group specification in --userns-remap"):
        identify(setting, users, users)


def test_unknown_users_are_refused_in_dockers_words() -> None:
    with pytest.raises(Invalid, match=r'Error during uid lookup for "no-such-user"'):
        identify("no-such-user")
    with pytest.raises(Invalid, match=r"Uid 4000000000 has no entry in /etc/passwd"):
        identify("4000000000")
    with pytest.raises(Invalid, match=r"Gid 4000000000 has no entry in /etc/group"):
        identify("root:4000000000")


def test_a_user_without_ranges_cannot_be_used() -> None:
    alice = Identity("alice", "staff", 1000, 50)
    uids = [SubRange("alice", 100_000, 65_536)]
    with pytest.raises(Invalid, match='no subuid ranges found for user "alice"'):
        maps_of(alice, (), uids)
    with pytest.raises(Invalid, match='no subgid ranges found for group "staff"'):
        maps_of(alice, uids, uids)
    maps = maps_of(alice, uids, [SubRange("50", 200_000, 10)])
    assert (maps.root, maps.uid_text, maps.gid_text) == ((100_000, 200_000), "0 100000 65536\n", "0 200000 10\n")


def test_off_and_root_map_nothing() -> None:
    assert remap.resolve("") is None
    assert remap.resolve("root") is None


def test_default_gives_itself_a_range_behind_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUBUID", "SUBGID"):
        path = tmp_path / name
        path.write_text("alice:100000:65536\nbob:300000:65536")
        monkeypatch.setattr(subids, name, path)
    first = remap.resolve("default")
    assert first == remap.resolve("default"), "made once"
    assert first is not None
    assert first.root == (365_536, 365_536)
    assert (tmp_path / "SUBUID").read_text().endswith("bob:300000:65536\ncorralremap:365536:65536\n")


# -- --userns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("host", None),
        ("auto", Auto(65_536)),
        ("auto:size=5000", Auto(5000)),
        ("keep-id:uid=1000,gid=100", KeepID(1000, 100, 1000, 100)),
        ("keep-id:uid=7,gid=8,hostuid=1000,hostgid=1001", KeepID(7, 8, 1000, 1001)),
    ],
)
def test_modes(text: str, expected: object) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["foo", "private", "auto:size=0", "auto:size=x", "auto:colour=1", "keep-id", "keep-id:uid=1", "host:1", ":"]
)
def test_modes_that_there_are_not(text: str) -> None:
    with pytest.raises(Invalid, match="invalid user namespace mode: "):
        parse(text)


def test_keep_id_does_not_keep_roots() -> None:
    with pytest.raises(Invalid, match="the host's root"):
        parse("keep-id:uid=0,gid=0")


# -- the pool


def maps(start: int, size: int) -> IDMaps:
    return IDMaps.of([IDMapping(0, start, size)], [IDMapping(0, start, size)])


def test_ranges_are_disjoint_and_come_back() -> None:
    records = [maps(1000, 100)]
    pool = IDPool(lambda: records, lambda: [(1000, 1350)])
    first, second = pool.take(100), pool.take(100)
    assert (first, second) == ((1100, 1200), (1200, 1300))
    with pytest.raises(Unavailable, match="could not find enough available IDs"):
        pool.take(100)
    records.append(maps(*(1100, 100)))
    pool.settle(first)
    assert pool.take(50) == (1300, 1350)
    pool.settle(second)
    records.clear()
    assert pool.take(300 - 50) == (1000, 1250)


def test_what_is_set_aside_for_containers_is_used_unless_it_is_somebodys() -> None:
    taken = [SubRange("alice", 0x80000, 65_536)]
    (only,) = available(taken, taken)
    assert only[0] == 0x80000 + 65_536
    own = [SubRange("containers", 5000, 100), SubRange("alice", 0, 10_000)]
    assert available(own, [SubRange("containers", 5050, 100)]) == [(5050, 5100)]


def test_subtracting_splits_and_trims() -> None:
    assert subtract([(0, 100)], [(10, 20), (90, 200)]) == [(0, 10), (20, 90)]
    assert subtract([(0, 10), (20, 30)], [(5, 25)]) == [(0, 5), (25, 30)]
    assert subtract([(0, 10)], [(0, 10)]) == []


# -- containers


async def test_auto_gives_each_container_a_range_of_its_own_until_it_is_removed(world: World) -> None:
    one = await record(world, "one", userns_mode="auto:size=1000")
    two = await record(world, "two", userns_mode="auto:size=1000")
    assert one.id_maps is not None
    assert two.id_maps is not None
    assert one.id_maps.uids[0].host_id + 1000 == two.id_maps.uids[0].host_id
    await world.service.remove(one.id, force=False, volumes=False, link=False)
    three = await record(world, "three", userns_mode="auto:size=1000")
    assert three.id_maps == one.id_maps


async def test_keep_id_runs_as_whose_id_is_kept(world: World) -> None:
    kept = await record(world, "kept", userns_mode="keep-id:uid=1000,gid=100")
    assert kept.id_maps is not None
    assert kept.id_maps.host_uid(1000) == 1000
    assert kept.id_maps.host_gid(100) == 100
    assert kept.id_maps.host_uid(0) >= 0x80000
    assert sum(one.size for one in kept.id_maps.uids) == 65_536
    assert kept.config.user == "1000:100"


async def test_who_shares_a_namespace_shares_the_user_namespace(world: World) -> None:
    donor = await record(world, "donor", userns_mode="auto")
    guest = await record(world, "guest", pid_mode="container:donor")
    assert guest.id_maps == donor.id_maps
    with pytest.raises(Invalid, match="another container's namespaces"):
        await record(world, "third", userns_mode="auto", pid_mode="container:donor")
    other = await record(world, "other", userns_mode="auto", ipc_mode="shareable")
    with pytest.raises(Invalid, match="have different user namespaces"):
        await record(world, "fourth", pid_mode="container:donor", ipc_mode=f"container:{other.name}")


async def record(world: World, name: str, **fields: object) -> ContainerRecord:
    return world.engine.store.find(await world.create(name, **fields))


# -- the fallback


def test_file_capabilities_go_to_the_namespaces_root() -> None:
    version_2 = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
    assert with_root(version_2, 100_000) == struct.pack("<6I", 0x03000001, 1 << 10, 0, 0, 0, 100_000)
    assert with_root(with_root(version_2, 7), 8) == with_root(version_2, 8)
    version_1 = struct.pack("<3I", 0x01000001, 1, 0)
    assert with_root(version_1, 1) == version_1


def test_the_client_says_whose_ids_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from corral.cli.errors import UsageError
    from corral.cli.opts.userns import of_caller

    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(os, "getgid", lambda: 0)
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert of_caller("auto:size=1") == "auto:size=1"
    with pytest.raises(UsageError, match="other than root"):
        of_caller("keep-id")
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_GID", "1001")
    assert parse(of_caller("keep-id")) == KeepID(1000, 1001, 1000, 1001)
    assert parse(of_caller("keep-id:uid=7")) == KeepID(7, 1001, 1000, 1001)
