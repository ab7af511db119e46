from __future__ import annotations

import pytest

from corral.errors import Invalid
from corral.image.distribution.registry import (
    Credentials,
    Mirror,
    RegistryConfig,
    credentials_key,
    validate_insecure,
    validate_mirror,
)
from corral.image.distribution.registry.endpoints import Endpoint, endpoints_of
from corral.image.distribution.registry.insecure import is_insecure


def bases(domain: str, config: RegistryConfig | None = None, *, mirrors: bool = True) -> list[str]:
    return [endpoint.base for endpoint in endpoints_of(domain, config or RegistryConfig(), mirrors=mirrors)]


def test_docker_io_is_served_elsewhere() -> None:
    assert bases("docker.io") == bases("index.docker.io") == ["https://registry-1.docker.io"]
    assert credentials_key("docker.io") == "https://index.docker.io/v1/"
    assert credentials_key("registry.example:5000") == "registry.example:5000"


def test_other_domains_serve_themselves_over_tls_alone() -> None:
    assert bases("192.0.2.1:5000") == ["https://192.0.2.1:5000"]


@pytest.mark.parametrize("domain", ["127.0.0.1:5000", "127.1.2.3", "[::1]:5000", "localhost:5000"])
def test_loopback_may_be_plain_http(domain: str) -> None:
    assert bases(domain) == [f"https://{domain}", f"http://{domain}"]


@pytest.mark.parametrize(
    ("domain", "entries", "expected"),
    [
        ("10.1.2.3:5000", ("10.0.0.0/8",), True),
        ("10.1.2.3:5000", ("10.1.2.3:5000",), True),
        ("10.1.2.3:5000", ("10.1.2.3",), False),
        ("10.1.2.3:5000", ("10.2.0.0/16",), False),
        ("[fd00::1]:5000", ("fd00::/8",), True),
        ("docker.io", ("docker.io", "0.0.0.0/0"), False),
        ("[::ffff:127.0.0.1]:5000", (), True),
        ("no-such-host.invalid:5000", ("10.0.0.0/8",), False),
    ],
)
def test_insecure_registries_are_hosts_or_ranges(domain: str, entries: tuple[str, ...], expected: bool) -> None:
    assert is_insecure(domain, entries) is expected


def test_mirrors_of_any_registry_come_first_and_not_for_a_push() -> None:
    config = RegistryConfig(
        mirrors={
            "docker.io": (Mirror("https://mirror.invalid/"), Mirror("http://127.0.0.1:5001/hub/")),
            "192.0.2.7": (Mirror("https://other.invalid/"),),
        }
    )
    assert bases("docker.io", config) == [
        "https://mirror.invalid",
        "http://127.0.0.1:5001/hub",
        "https://registry-1.docker.io",
    ]
    assert bases("192.0.2.7", config) == ["https://other.invalid", "https://192.0.2.7"]
    assert bases("docker.io", config, mirrors=False) == ["https://registry-1.docker.io"]


def test_a_mirror_never_sees_the_credentials_of_what_it_mirrors() -> None:
    given, own = Credentials("me", "secret"), Credentials("it", "other")
    assert not Endpoint("https", "m", mirror=Mirror("https://m/")).credentials(given)
    assert Endpoint("https", "m", mirror=Mirror("https://m/", own)).credentials(given) == own
    assert Endpoint("https", "r").credentials(given) == given


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "mirror:5000",
            "invalid mirror: no scheme specified for \"mirror:5000\": must use either 'https://' or 'http://'",
        ),
        (
            "ftp://mirror",
            "invalid mirror: unsupported scheme \"ftp\" in \"ftp://mirror\": must use either 'https://' or 'http://'",
        ),
        ("http://mirror/?a=b", 'invalid mirror: query or fragment at end of the URI "http://mirror/?a=b"'),
        (
            "http://me:secret@mirror/",
            'invalid mirror: username/password not allowed in URI "http://me:xxxxx@mirror/"',
        ),
        ("http://", 'invalid mirror: "http://" is not a valid URI'),
    ],
)
def test_a_mirror_that_cannot_be_is_refused_as_docker_does(url: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        validate_mirror(url)
    assert str(caught.value) == message


def test_a_mirror_ends_with_a_slash() -> None:
    assert validate_mirror("http://mirror:5000") == validate_mirror("http://mirror:5000/") == "http://mirror:5000/"


@pytest.mark.parametrize("entry", ["registry.lan:5000", "10.0.0.0/8", "fd00::/8", "::1", "[::1]:5000", "localhost"])
def test_insecure_entries_that_can_be(entry: str) -> None:
    assert validate_insecure(entry) == entry
    assert validate_insecure(f"http://{entry}") == entry


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("-host", "invalid index name (-host). Cannot begin or end with a hyphen"),
        ("ftp://host", "insecure registry ftp://host should not contain '://'"),
        ("a b", 'insecure registry a b is not valid: invalid host "a b"'),
        ("host:99999", 'insecure registry host:99999 is not valid: invalid port "99999"'),
    ],
)
def test_an_insecure_entry_that_cannot_be_is_refused_as_docker_does(entry: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        validate_insecure(entry)
    assert str(caught.value) == message
