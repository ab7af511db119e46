"""References: the same names as Docker's, read and shown."""

from __future__ import annotations

import pytest

from corral.errors import Invalid
from corral.oci.reference import parse_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "canonical", "familiar"),
    [
        ("busybox", "docker.io/library/busybox", "busybox"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        ("library/busybox", "docker.io/library/busybox", "busybox"),
        ("docker.io/busybox", "docker.io/library/busybox", "busybox"),
        ("index.docker.io/library/busybox", "docker.io/library/busybox", "busybox"),
        ("index.docker.io/me/app", "docker.io/me/app", "me/app"),
        ("me/app:v1", "docker.io/me/app:v1", "me/app:v1"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app", "localhost:5000/app", "localhost:5000/app"),
        ("registry.example/team/app:1", "registry.example/team/app:1", "registry.example/team/app:1"),
        ("[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"),
        ("Host/app", "Host/app", "Host/app"),
        (f"busybox@{DIGEST}", f"docker.io/library/busybox@{DIGEST}", f"busybox@{DIGEST}"),
        (f"busybox:1@{DIGEST}", f"docker.io/library/busybox:1@{DIGEST}", f"busybox:1@{DIGEST}"),
        ("a__b-c---d.e", "docker.io/library/a__b-c---d.e", "a__b-c---d.e"),
    ],
)
def test_normal_form(text: str, canonical: str, familiar: str) -> None:
    reference = parse_reference(text)
    assert str(reference) == canonical
    assert reference.familiar == familiar
    assert parse_reference(canonical) == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid reference format"),
        (":tag", "invalid reference format"),
        ("a:", "invalid reference format"),
        ("a:b:c", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("/a", "invalid reference format"),
        ("a/", "invalid reference format"),
        ("-a", "invalid reference format"),
        ("a..b", "invalid reference format"),
        ("a___b", "invalid reference format"),
        ("a:-tag", "invalid reference format"),
        ("a:" + "t" * 129, "invalid reference format"),
        ("a@b", "invalid reference format"),
        ("a@sha256:short", "invalid checksum digest length"),
        ("a@md5:" + "a" * 32, "unsupported digest algorithm"),
        ("a b", "invalid reference format"),
        ("../../etc", "invalid reference format"),
        ("Upper", "invalid reference format: repository name (library/Upper) must be lowercase"),
        ("a/Upper:x", "invalid reference format: repository name (a/Upper) must be lowercase"),
        ("f" * 64, f"invalid repository name ({'f' * 64}), cannot specify 64-byte hexadecimal strings"),
        ("a" * 256, "repository name must not be more than 255 characters"),
    ],
)
def test_what_can_be_no_reference(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_reference(text)
    assert str(caught.value) == message


def test_default_tag_is_added_only_where_nothing_is() -> None:
    assert parse_reference("a").tagged().familiar == "a:latest"
    assert parse_reference("a:b").tagged().familiar == "a:b"
    assert parse_reference(f"a@{DIGEST}").tagged().familiar == f"a@{DIGEST}"
