from __future__ import annotations

import pytest

from corral.errors import Invalid
from corral.image.distribution.registry import Proxies, Registries, RegistryConfig
from corral.image.distribution.registry.proxies import proxy_for
from corral.oci.reference import parse_reference
from support.scripted_registry import Say, ScriptedRegistry

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("", "https://a.example/", False),
        ("", "https://localhost:5000/", True),
        ("", "https://127.0.0.9/", True),
        ("", "https://[::1]/", True),
        ("*", "https://a.example/", True),
        ("example", "https://a.example/", True),
        ("a.example", "https://A.example./", True),
        (".example", "https://example/", False),
        ("*.example", "https://a.example/", True),
        ("b.example", "https://a.example/", False),
        ("ample", "https://a.example/", False),
        ("a.example:443", "https://a.example/", True),
        ("a.example:5000", "https://a.example/", False),
        ("10.0.0.0/8, x", "https://10.2.3.4/", True),
        ("10.0.0.0/33", "https://10.2.3.4/", False),
        ("10.2.3.4", "https://10.2.3.4:99/", True),
        ("[fd00::1]:443", "https://[fd00::1]/", True),
    ],
)
def test_who_is_reached_without_a_proxy(no_proxy: str, url: str, direct: bool) -> None:
    assert proxy_for(url, Proxies(http=PROXY, https=PROXY, no_proxy=no_proxy)) == (None if direct else PROXY)


def test_the_scheme_of_the_request_chooses_the_proxy() -> None:
    proxies = Proxies(http="one:1", https="https://two:2")
    assert proxy_for("http://a/", proxies) == "http://one:1"
    assert proxy_for("https://a/", proxies) == "https://two:2"
    assert proxy_for("https://a/", Proxies(http="one:1")) is None


def test_a_proxy_that_cannot_be_used_is_named_without_its_password() -> None:
    with pytest.raises(Invalid, match=r"invalid proxy address p:1: only http and https proxies can be used") as caught:
        proxy_for("https://a/", Proxies(https="socks5://me:secret@p:1"))
    assert "secret" not in str(caught.value)


def test_upper_case_variables_come_first() -> None:
    environment = {"HTTP_PROXY": "a", "http_proxy": "b", "https_proxy": "c", "NO_PROXY": "d"}
    assert Proxies.from_environment(environment) == Proxies("a", "c", "d")


async def test_a_request_goes_through_the_proxy(server: ScriptedRegistry, config: RegistryConfig) -> None:
    server.on("GET", ".*/v2/a/tags/list", Say(200, b'{"tags": ["1"]}'))
    registries = Registries(
        RegistryConfig(
            insecure=("registry.invalid",),
            proxies=Proxies(http=f"http://me:word@{server.address}"),
            certs_directory=config.certs_directory,
            patience=config.patience,
        )
    )
    async with registries.repository(parse_reference("registry.invalid/a")) as repository:
        assert [tag async for tag in repository.tags()] == ["1"]
    await registries.close()
    asked = server.seen[-1]
    assert asked.target == "http://registry.invalid/v2/a/tags/list"
    assert asked.headers["proxy-authorization"].startswith("Basic ")
