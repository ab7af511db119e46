"""idmap of binds and volumes."""

from __future__ import annotations

import pytest

from corral.api.types.mount import BindOptions, Mount
from corral.errors import Invalid
from corral.oci.idmaps import IDMaps
from corral.oci.runtime import IDMapping
from corral.volume import parse
from corral.volume.idmap import maps_of
from corral.volume.mounts import oci_mounts, plan

OWN = IDMaps.of([IDMapping(0, 100_000, 65_536)], [IDMapping(0, 200_000, 65_536)])


def test_without_more_the_containers_maps_are_used() -> None:
    assert maps_of("idmap", OWN) == OWN
    with pytest.raises(Invalid, match="no user namespace of its own"):
        maps_of("idmap", None)


def test_ranges_are_from_to_and_size() -> None:
    maps = maps_of("idmap=uids=0-1-10#10-11-20;gids=0-100-10", None)
    assert maps.uids == (IDMapping(0, 1, 10), IDMapping(10, 11, 20))
    assert maps.gids == (IDMapping(0, 100, 10),)


def test_an_at_sign_counts_from_the_containers_ids() -> None:
    maps = maps_of("idmap=uids=@0-5-10;gids=@1-6-10", OWN)
    assert (maps.uids, maps.gids) == ((IDMapping(0, 100_005, 10),), (IDMapping(1, 200_006, 10),))
    with pytest.raises(Invalid, match="@ could refer to"):
        maps_of("idmap=uids=@0-5-10;gids=@1-6-10", None)


def test_what_is_not_said_is_the_containers() -> None:
    assert maps_of("idmap=uids=0-1-10", OWN).gids == OWN.gids


@pytest.mark.parametrize("text", ["idmap=uids=1", "idmap=users=0-1-2", "idmap=uids=0-1-x;gids=0-1-2"])
def test_malformed_ones_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid idmap"):
        maps_of(text, OWN)


def test_a_bind_says_it_in_its_mode() -> None:
    mount = parse.bind("/a:/b:ro,idmap=uids=0-1-10;gids=0-1-10")
    assert (mount.id_map, mount.read_only) == ("idmap=uids=0-1-10;gids=0-1-10", True)
    assert parse.bind("data:/b:idmap").id_map == "idmap"
    assert parse.bind("/a:/b").id_map == ""


@pytest.mark.parametrize(
    ("given", "kept"),
    [("idmap", "idmap"), ("uids=0-1-2;gids=0-1-2", "idmap=uids=0-1-2;gids=0-1-2"), ("", "")],
)
def test_a_mount_says_it_in_its_options(given: str, kept: str) -> None:
    mount = Mount(type="bind", source="/a", target="/b", bind_options=BindOptions(id_map=given))
    assert parse.mount(mount).id_map == kept


def test_a_malformed_one_is_refused_when_the_container_is_created() -> None:
    mount = Mount(type="bind", source="/a", target="/b", bind_options=BindOptions(id_map="uids=1"))
    with pytest.raises(Invalid, match="invalid idmap"):
        plan(mounts=[mount])


def test_maps_reach_the_specification() -> None:
    mounts = plan(binds=["/a:/b:idmap", "/c:/d"])
    first, second = oci_mounts(mounts, mapped={"/b": OWN})
    assert (first.uid_mappings, first.gid_mappings) == (OWN.uids, OWN.gids)
    assert (second.uid_mappings, second.gid_mappings) == ((), ())
