"""The plan of a container's mounts and its translations."""

from __future__ import annotations

import pytest

from corral.api.types.mount import Mount
from corral.errors import Invalid
from corral.oci import runtime as oci
from corral.volume import mounts
from corral.volume.mount import ContainerMount


def test_two_of_one_destination_are_refused() -> None:
    for asked in (
        {"binds": ["aa:/x", "bb:/x/"]},
        {"binds": ["aa:/x"], "tmpfs": {"/x": ""}},
        {"binds": ["aa:/x"], "mounts": [Mount(type="bind", source="/etc", target="/x")]},
    ):
        with pytest.raises(Invalid, match="Duplicate mount point: /x"):
            mounts.plan(**asked)  # type: ignore[arg-type]


def test_a_volume_of_the_image_gives_way_to_everything() -> None:
    donor = (ContainerMount("bind", "/c", source="/donor"),)
    planned = mounts.plan(
        binds=["/host:/a"], tmpfs={"/b": ""}, volumes=["/a", "/b", "/c", "/d"], volumes_from=[(donor, False)]
    )
    kinds = {mount.destination: mount.type for mount in planned}
    assert kinds == {"/a": "bind", "/b": "tmpfs", "/c": "bind", "/d": "volume"}


def test_inherited_mounts_can_be_made_read_only_but_not_writable() -> None:
    donor = (
        ContainerMount("bind", "/ro", source="/x", read_only=True),
        ContainerMount("volume", "/rw", name="data", source="/v"),
        ContainerMount("tmpfs", "/t", shown=False),
    )
    writable = mounts.plan(volumes_from=[(donor, False)])
    assert [(m.destination, m.read_only) for m in writable] == [("/ro", True), ("/rw", False)]
    read_only = mounts.plan(volumes_from=[(donor, True)])
    assert [(m.destination, m.read_only) for m in read_only] == [("/ro", True), ("/rw", True)]


def test_outer_destinations_are_mounted_before_inner_ones() -> None:
    planned = mounts.plan(binds=["/1:/a/b/c", "/2:/a", "/3:/a/b"])
    assert [mount.source for mount in mounts.oci_mounts(planned)] == ["/2", "/3", "/1"]


def test_oci_options() -> None:
    planned = (
        ContainerMount("bind", "/a", source="/1"),
        ContainerMount("bind", "/b", source="/2", read_only=True, propagation="rslave"),
        ContainerMount("bind", "/c", source="/3", read_only=True, non_recursive=True),
        ContainerMount("bind", "/d", source="/4", read_only=True, recursive_read_only="no"),
        ContainerMount("tmpfs", "/e", tmpfs_options=("size=1m", "exec", "mode=700")),
    )
    assert mounts.oci_mounts(planned) == (
        oci.Mount("/a", "bind", "/1", ("rbind", "rprivate")),
        oci.Mount("/b", "bind", "/2", ("rbind", "ro", "rro", "rslave")),
        oci.Mount("/c", "bind", "/3", ("bind", "ro", "rprivate")),
        oci.Mount("/d", "bind", "/4", ("rbind", "ro", "rprivate")),
        oci.Mount("/e", "tmpfs", "tmpfs", ("nosuid", "nodev", "rprivate", "size=1m", "exec", "mode=700")),
    )


def test_an_empty_volume_is_filled_only_at_the_first_start() -> None:
    volume = ContainerMount("volume", "/v", source="/data", name="data")
    kept = ContainerMount("volume", "/w", source="/data", name="data", no_copy=True)
    first = mounts.oci_mounts((volume, kept), first_start=True)
    assert [mounts.COPY_UP in mount.options for mount in first] == [True, False]
    later = mounts.oci_mounts((volume, kept))
    assert not any(mounts.COPY_UP in mount.options for mount in later)


def test_inspect_shows_what_docker_shows() -> None:
    resolved = (
        ContainerMount("volume", "/q", source="/v/nn/_data", name="nn", driver="local", mode="ro", read_only=True),
        ContainerMount("bind", "/z", source="/etc"),
        ContainerMount("tmpfs", "/t", shown=False),
        ContainerMount("tmpfs", "/u"),
    )
    volume, bind, tmpfs = mounts.mount_points(resolved)
    assert (volume.type, volume.name, volume.source, volume.destination) == ("volume", "nn", "/v/nn/_data", "/q")
    assert (volume.driver, volume.mode, volume.rw, volume.propagation) == ("local", "ro", False, "")
    assert (bind.type, bind.source, bind.mode, bind.rw, bind.propagation) == ("bind", "/etc", "", True, "rprivate")
    assert (tmpfs.type, tmpfs.source, tmpfs.destination, tmpfs.rw) == ("tmpfs", "", "/u", True)


def test_a_plan_survives_its_record() -> None:
    for mount in mounts.plan(binds=["/host:/a:ro", "data:/b"], tmpfs={"/c": "size=1m"}, volumes=["/d"]):
        assert ContainerMount.from_json(mount.to_json()) == mount
