"""What clients ask for, and Docker's words for what cannot be."""

from __future__ import annotations

import pytest

from corral.api.types.mount import BindOptions, DriverConfig, Mount, TmpfsOptions, VolumeOptions
from corral.errors import Invalid
from corral.volume import parse
from corral.volume.mount import ContainerMount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/src:/dst", ContainerMount("bind", "/dst", source="/src", create_source=True)),
        ("/src/:/a/../dst/", ContainerMount("bind", "/dst", source="/src", create_source=True)),
        ("/s:/d:ro", ContainerMount("bind", "/d", source="/s", mode="ro", read_only=True, create_source=True)),
        ("/s:/d:z,ro", ContainerMount("bind", "/d", source="/s", mode="z,ro", read_only=True, create_source=True)),
        (
            "/s:/d:rw,rshared,Z",
            ContainerMount("bind", "/d", source="/s", mode="rw,rshared,Z", propagation="rshared", create_source=True),
        ),
        ("/s:/d:delegated", ContainerMount("bind", "/d", source="/s", mode="delegated", create_source=True)),
        ("data:/d", ContainerMount("volume", "/d", name="data", driver="local", mode="z")),
        ("data:/d:ro", ContainerMount("volume", "/d", name="data", driver="local", mode="ro", read_only=True)),
        (
            "data:/d:ro,nocopy",
            ContainerMount("volume", "/d", name="data", driver="local", mode="ro,nocopy", read_only=True, no_copy=True),
        ),
        ("/d", ContainerMount("volume", "/d", driver="local", mode="z")),
    ],
)
def test_a_bind_text_becomes_a_mount(text: str, expected: ContainerMount) -> None:
    assert parse.bind(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/x:/y:zz", "invalid mode: zz"),
        ("/x:/y:ro,rw", "invalid mode: ro,rw"),
        ("/x:/y:rprivate,rslave", "invalid mode: rprivate,rslave"),
        ("a:/x:z:y", "invalid volume specification: 'a:/x:z:y'"),
        ("/x:ro", "invalid volume specification: '/x:ro'"),
        (":/x", "invalid volume specification: ':/x'"),
        (
            "/tmp:/",
            "invalid volume specification: '/tmp:/': invalid mount config for type \"bind\": "
            "invalid specification: destination can't be '/'",
        ),
        (
            "/tmp:x",
            "invalid volume specification: '/tmp:x': invalid mount config for type \"bind\": "
            "invalid mount path: 'x' mount path must be absolute",
        ),
        (
            "aa:x",
            "invalid volume specification: 'aa:x': invalid mount config for type \"volume\": "
            "invalid mount path: 'x' mount path must be absolute",
        ),
        (
            "/tmp:/y:nocopy",
            "invalid volume specification: '/tmp:/y:nocopy': invalid mount config for type \"bind\": "
            "field VolumeOptions must not be specified",
        ),
        (
            "aa:/x:rslave",
            "invalid volume specification: 'aa:/x:rslave': invalid mount config for type \"volume\": "
            "field BindOptions must not be specified",
        ),
    ],
)
def test_a_bind_text_that_cannot_be_is_refused_in_dockers_words(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse.bind(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        (
            Mount(type="bind", source="/s", target="/d", bind_options=BindOptions(propagation="rslave")),
            ContainerMount("bind", "/d", source="/s", propagation="rslave"),
        ),
        (
            Mount(type="bind", source="/s", target="/d", bind_options=BindOptions(create_mountpoint=True)),
            ContainerMount("bind", "/d", source="/s", create_source=True),
        ),
        (
            Mount(
                type="bind",
                source="/s",
                target="/d",
                read_only=True,
                bind_options=BindOptions(non_recursive=True, read_only_non_recursive=True),
            ),
            ContainerMount("bind", "/d", source="/s", read_only=True, non_recursive=True, recursive_read_only="no"),
        ),
        (Mount(type="volume", target="/d"), ContainerMount("volume", "/d", driver="local", mode="z")),
        (
            Mount(
                type="volume",
                source="data",
                target="/d",
                volume_options=VolumeOptions(
                    no_copy=True,
                    labels={"a": "b"},
                    subpath="x/y",
                    driver_config=DriverConfig(name="local", options={"type": "tmpfs", "device": "tmpfs"}),
                ),
            ),
            ContainerMount(
                "volume",
                "/d",
                name="data",
                driver="local",
                mode="z",
                no_copy=True,
                subpath="x/y",
                labels={"a": "b"},
                options={"type": "tmpfs", "device": "tmpfs"},
            ),
        ),
        (
            Mount(type="tmpfs", target="/d", tmpfs_options=TmpfsOptions(size_bytes=1048576, mode=0o700)),
            ContainerMount("tmpfs", "/d", tmpfs_options=("mode=700", "size=1048576")),
        ),
    ],
)
def test_a_mount_object_becomes_a_mount(mount: Mount, expected: ContainerMount) -> None:
    assert parse.mount(mount) == expected


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        (Mount(type="bind", source="/s"), 'type "bind": field Target must not be empty'),
        (Mount(type="bind", target="/d"), 'type "bind": field Source must not be empty'),
        (
            Mount(type="bind", source="s", target="/d"),
            "type \"bind\": invalid mount path: 's' mount path must be absolute",
        ),
        (
            Mount(type="bind", source="/s", target="/d", bind_options=BindOptions(propagation="foo")),
            'type "bind": invalid propagation mode: foo',
        ),
        (Mount(type="tmpfs", source="/s", target="/d"), 'type "tmpfs": field Source must not be specified'),
        (Mount(type="tmpfs", target="/"), "type \"tmpfs\": invalid specification: destination can't be '/'"),
        (
            Mount(type="volume", target="/d", read_only=True),
            'type "volume": must not set ReadOnly mode when using anonymous volumes',
        ),
        (Mount(type="foo", source="/s", target="/d"), 'type "foo": mount type unknown'),
    ],
)
def test_a_mount_object_that_cannot_be_is_refused_in_dockers_words(mount: Mount, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse.mount(mount)
    assert str(caught.value) == f"invalid mount config for {message}"


def test_a_tmpfs_is_not_shown_and_keeps_its_words() -> None:
    assert parse.tmpfs_mount("/t", "size=1m,mode=1777") == ContainerMount(
        "tmpfs", "/t", tmpfs_options=("size=1m", "mode=1777"), shown=False
    )
    with pytest.raises(Invalid, match="mount path must be absolute"):
        parse.tmpfs_mount("t", "")
    with pytest.raises(Invalid, match='invalid tmpfs option "size=zz"'):
        parse.tmpfs_mount("/t", "size=zz")


def test_volumes_from_has_an_optional_mode() -> None:
    assert parse.volumes_from("web") == ("web", False)
    assert parse.volumes_from("web:ro") == ("web", True)
    with pytest.raises(Invalid, match="invalid mode: zz"):
        parse.volumes_from("web:zz")
