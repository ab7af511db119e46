"""The volume service on a real database and a temporary data root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from corral.errors import Conflict, Invalid, NotFound
from corral.store.database import Database
from corral.store.layout import DataRoot
from corral.volume import mounts
from corral.volume.service import VolumeService

Events = list[tuple[str, str]]


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "corral.db")
    yield database
    database.close()


@pytest.fixture
async def service(tmp_path: Path, database: Database, events: Events) -> AsyncIterator[VolumeService]:
    service = VolumeService(
        DataRoot(tmp_path), database, lambda action, name, attributes: events.append((action, name))
    )
    yield service
    await service.close()


async def test_create_is_idempotent_and_gives_a_directory(
    service: VolumeService, tmp_path: Path, events: Events
) -> None:
    volume = await service.create("data", labels={"a": "b"})
    assert volume.mountpoint == str(tmp_path / "volumes" / "data" / "_data")
    assert Path(volume.mountpoint).is_dir()
    assert await service.create("data") == volume == service.inspect("data")
    assert events == [("create", "data")]


async def test_a_volume_without_a_name_gets_one_of_64_digits_and_a_label(service: VolumeService) -> None:
    volume = await service.create()
    assert len(volume.name) == 64
    assert volume.labels == {"com.docker.volume.anonymous": ""}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x", "create x: volume name is too short, names should be at least two alphanumeric characters"),
        (
            "a/b",
            'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" '
            "are allowed. If you intended to pass a host directory, use absolute path",
        ),
    ],
)
async def test_names_that_cannot_be(service: VolumeService, name: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        await service.create(name)
    assert str(caught.value) == message


async def test_unknown_drivers_and_options_are_refused(service: VolumeService) -> None:
    with pytest.raises(NotFound, match='create vv: error looking up volume plugin foo: plugin "foo" not found'):
        await service.create("vv", driver="foo")
    with pytest.raises(Invalid, match='create vv: invalid option: "foo"'):
        await service.create("vv", options={"foo": "bar"})
    with pytest.raises(NotFound, match="get vv: no such volume"):
        service.inspect("vv")


async def test_volumes_are_made_on_use_and_held_by_their_containers(
    service: VolumeService, database: Database, tmp_path: Path
) -> None:
    resolved = await service.attach("c1", mounts.plan(binds=["data:/x", "/etc:/y"], volumes=["/z"]))
    assert [mount.type for mount in resolved] == ["volume", "bind", "volume"]
    assert resolved[0].source == service.inspect("data").mountpoint
    with pytest.raises(Conflict, match=r"^remove data: volume is in use - \[c1\]$"):
        await service.remove("data")
    await database.write(lambda _: None)  # after what was submitted before
    assert VolumeService(DataRoot(tmp_path), database, lambda *_: None).mounts_of("c1") == resolved
    await service.detach("c1", anonymous=True)
    assert [volume.name for volume in service.list().volumes or []] == ["data"]
    await service.remove("data")
    assert not (tmp_path / "volumes" / "data").exists()
    with pytest.raises(NotFound, match="get data: no such volume"):
        await service.remove("data")
    await service.remove("data", force=True)


async def test_an_anonymous_volume_stays_while_another_container_inherits_it(service: VolumeService) -> None:
    donor = await service.attach("c1", mounts.plan(volumes=["/z"]))
    await service.attach("c2", mounts.plan(volumes_from=[(donor, False)]))
    await service.detach("c1", anonymous=True)
    assert service.inspect(donor[0].name)
    await service.detach("c2", anonymous=True)
    assert service.list().volumes == []


async def test_attach_fails_whole_when_a_source_is_missing(service: VolumeService, tmp_path: Path) -> None:
    from corral.api.types.mount import Mount

    missing = tmp_path / "missing"
    planned = mounts.plan(binds=["data:/x"], mounts=[Mount(type="bind", source=str(missing), target="/y")])
    with pytest.raises(
        Invalid, match=f'^invalid mount config for type "bind": bind source path does not exist: {missing}$'
    ):
        await service.attach("c1", planned)
    assert service.list().volumes == []
    with pytest.raises(Invalid, match="volume name is too short"):
        await service.attach("c1", mounts.plan(binds=["data:/x", "b:/y"]))
    assert service.list().volumes == []
    assert not (tmp_path / "volumes" / "data").exists()


async def test_starting_makes_the_source_of_a_short_bind(service: VolumeService, tmp_path: Path) -> None:
    source = tmp_path / "new" / "source"
    await service.attach("c1", mounts.plan(binds=[f"{source}:/x:ro"]))
    assert not source.exists()
    (mount,) = await service.mount("c1", first_start=True)
    assert source.is_dir()
    assert mount.options == ("rbind", "ro", "rro", "rprivate")
    await service.unmount("c1")


async def test_a_subpath_stays_inside_its_volume(service: VolumeService, tmp_path: Path) -> None:
    from corral.api.types.mount import Mount, VolumeOptions

    def planned(subpath: str) -> tuple[mounts.ContainerMount, ...]:
        options = VolumeOptions(subpath=subpath)
        return mounts.plan(mounts=[Mount(type="volume", source="data", target="/x", volume_options=options)])

    data = Path((await service.create("data")).mountpoint)
    (data / "inside").mkdir()
    (data / "link").symlink_to("/etc")
    await service.attach("c1", planned("inside"))
    (mount,) = await service.mount("c1", first_start=True)
    assert mount.source == str(data / "inside")
    await service.attach("c2", planned("link"))
    with pytest.raises(Invalid, match='cannot access path "link"'):
        await service.mount("c2", first_start=True)
    with pytest.raises(Invalid, match="subpath must be a relative path"):
        planned("../other")


async def test_prune_takes_unused_anonymous_volumes_and_all_on_request(service: VolumeService) -> None:
    await service.create("named")
    unused = await service.create()
    used = await service.attach("c1", mounts.plan(volumes=["/z"]))
    (Path(unused.mountpoint) / "file").write_bytes(b"12345")
    report = await service.prune()
    assert (report.volumes_deleted, report.space_reclaimed) == ([unused.name], 5)
    report = await service.prune({"all": ["true"]})
    assert report.volumes_deleted == ["named"]
    assert [volume.name for volume in service.list().volumes or []] == [used[0].name]


async def test_list_filters(service: VolumeService) -> None:
    await service.create("alpha", labels={"tier": "db"})
    await service.create("beta")
    await service.attach("c1", mounts.plan(binds=["beta:/x"]))

    def names(**filters: list[str]) -> list[str]:
        return [volume.name for volume in service.list(filters).volumes or []]

    assert names() == ["alpha", "beta"]
    assert names(dangling=["true"]) == ["alpha"]
    assert names(dangling=["false"]) == ["beta"]
    assert names(label=["tier=db"]) == ["alpha"]
    assert names(name=["et"]) == ["beta"]
    assert names(driver=["other"]) == []
    with pytest.raises(Invalid, match="invalid filter 'foo'"):
        names(foo=["x"])


async def test_mounts_of_forgotten_containers_go_at_the_next_start(service: VolumeService, tmp_path: Path) -> None:
    await service.attach("gone", mounts.plan(binds=["data:/x"]))
    await service.attach("kept", mounts.plan(binds=["data:/x"]))
    await service.restore({"kept"}, set())
    assert service.mounts_of("gone") == ()
    with pytest.raises(Conflict, match=r"\[kept\]"):
        await service.remove("data")
