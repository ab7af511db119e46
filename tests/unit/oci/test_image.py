"""Image configurations and digests."""

from __future__ import annotations

import json

import pytest

from corral.errors import Invalid
from corral.oci.digest import DiffID, chain_ids, digest_of, parse_digest
from corral.oci.image import ContainerConfig, ImageConfig, RootFS, decode_config, decode_manifest, encode
from corral.oci.platform import Platform, host_platform, parse_platform

A, B = DiffID("sha256:" + "a" * 64), DiffID("sha256:" + "b" * 64)


def test_chain_ids_of_the_specification() -> None:
    assert chain_ids([]) == ()
    assert chain_ids([A]) == (A,)
    assert chain_ids([A, B]) == (A, digest_of(f"{A} {B}".encode()))


@pytest.mark.parametrize(
    "text",
    ["", "sha256", "sha256:", "sha256:abc", "sha256:" + "A" * 64, "sha256:" + "g" * 64, "x:" + "a" * 64, "a" * 64],
)
def test_what_can_be_no_digest(text: str) -> None:
    with pytest.raises(Invalid):
        parse_digest(text)


def test_configuration_of_docker_with_its_nulls() -> None:
    content = {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": None,
            "Cmd": ["sh"],
            "ExposedPorts": {"80/tcp": {}},
            "Labels": None,
            "Hostname": "",
            "Tty": False,
        },
        "container_config": {"anything": [1]},
        "rootfs": {"type": "layers", "diff_ids": [A]},
        "history": None,
        "created": None,
    }
    config = decode_config(json.dumps(content).encode())
    assert config.diff_ids == (A,)
    assert config.runtime.cmd == ["sh"]
    assert config.runtime.exposed_ports == {"80/tcp": {}}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"rootfs": {"type": "zoo"}}', b'{"rootfs": {"diff_ids": ["../../x"]}}', b'{"os": 5}', b"\xff"],
)
def test_what_can_be_no_configuration(content: bytes) -> None:
    with pytest.raises(Invalid):
        decode_config(content)


def test_own_configurations_survive() -> None:
    config = ImageConfig(
        architecture="arm64",
        os="linux",
        config=ContainerConfig(env=["A=b"], labels={"x": "y"}, volumes={"/data": {}}),
        rootfs=RootFS(diff_ids=[A, B]),
    )
    assert decode_config(encode(config)) == config


def test_manifest_with_a_digest_that_is_none() -> None:
    with pytest.raises(Invalid):
        decode_manifest(b'{"config": {"digest": "../../etc/passwd"}, "layers": []}')


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("linux/arm64/v8", Platform("linux", "arm64")),
        ("Linux/X86_64", Platform("linux", "amd64")),
        ("linux/arm", Platform("linux", "arm", "v7")),
        ("linux/arm/v6", Platform("linux", "arm", "v6")),
        ("linux", host_platform()),
    ],
)
def test_platforms(text: str, platform: Platform) -> None:
    assert parse_platform(text) == platform


@pytest.mark.parametrize("text", ["", "/", "linux/", "a/b/c/d", "no such thing", "unheardof"])
def test_what_can_be_no_platform(text: str) -> None:
    with pytest.raises(Invalid):
        parse_platform(text)
