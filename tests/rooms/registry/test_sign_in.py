"""Passwords, rules and tokens, as clients meet them."""

from __future__ import annotations

import base64
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from corral.registry.auth.htpasswd import new_line
from support.registry_server import OCI_MANIFEST, Client, Process, refusal, registry, sha256

pytest.importorskip("bcrypt")

RULES = """
group dev = alice
deny everyone push,delete frozen/**   # whatever follows
allow @dev    *           **
allow users   pull,push   home/${user}/**
allow bob     pull        team/*
allow anonymous pull      public/**
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sign-in")
    lines = [new_line("alice", "secret"), new_line("bob", "bob's")]
    (directory / "users").write_text("# people\n\n" + "\n".join(lines) + "\n")
    (directory / "rules").write_text(RULES)
    return directory


@pytest.fixture(scope="module")
def server(files: Path) -> Iterator[Process]:
    with registry(files / "root", "--htpasswd", str(files / "users"), "--rules", str(files / "rules")) as process:
        alice = process.client(**basic("alice", "secret"))
        for name in ("public/image", "team/image", "team/deep/image"):
            alice.push_image(name, "latest", b"layer")
        yield process


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def token(client: Client, scope: str, headers: dict[str, str] | None = None, extra: str = "") -> Any:
    answer = client("GET", f"/token?service=corral-registry&scope={quote(scope)}{extra}", headers=headers)
    assert answer.status == 200, answer
    return answer.json


def claims(text: str) -> Any:
    payload = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_who_has_not_signed_in_is_told_where(server: Process) -> None:
    answer = server.client()("GET", "/v2/")
    assert (answer.status, answer.error) == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == (
        f'Bearer realm="http://{server.address}/token",service="corral-registry"'
    )


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v2/team/image/manifests/latest", "repository:team/image:pull"),
        ("POST", "/v2/team/image/blobs/uploads/", "repository:team/image:pull,push"),
        ("DELETE", "/v2/team/image/manifests/latest", "repository:team/image:delete"),
        (
            "POST",
            f"/v2/team/image/blobs/uploads/?mount={sha256(b'')}&from=public/image",
            "repository:team/image:pull,push repository:public/image:pull",
        ),
    ],
)
def test_the_challenge_names_the_scope(server: Process, method: str, path: str, scope: str) -> None:
    answer = server.client()(method, path, b"" if method == "POST" else None)
    assert answer.status == 401
    assert f'scope="{scope}"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("credentials", [basic("alice", "wrong"), basic("nobody", "secret"), basic("alice", "")])
def test_a_wrong_password_is_401(server: Process, credentials: dict[str, str]) -> None:
    assert server.client()("GET", "/v2/", headers=credentials).status == 401
    assert server.client()("GET", "/token", headers=credentials).status == 401


@pytest.mark.parametrize("value", ["Basic", "Basic %%%", "Basic " + base64.b64encode(b"nocolon").decode(), "Digest x"])
def test_what_is_no_credentials_is_401(server: Process, value: str) -> None:
    assert server.client()("GET", "/v2/", headers={"Authorization": value}).status == 401


@pytest.mark.parametrize(
    ("user", "method", "path", "status"),
    [
        ("", "GET", "/v2/public/image/manifests/latest", 200),
        ("", "GET", "/v2/team/image/manifests/latest", 401),
        ("bob:bob's", "GET", "/v2/team/image/manifests/latest", 200),
        ("bob:bob's", "GET", "/v2/team/deep/image/manifests/latest", 403),
        ("bob:bob's", "POST", "/v2/team/image/blobs/uploads/", 403),
        ("bob:bob's", "POST", "/v2/home/bob/x/blobs/uploads/", 202),
        ("bob:bob's", "POST", "/v2/home/alice/x/blobs/uploads/", 403),
        ("alice:secret", "POST", "/v2/frozen/x/blobs/uploads/", 403),
        ("alice:secret", "GET", "/v2/frozen/x/manifests/latest", 404),
    ],
)
def test_the_rules_decide(server: Process, user: str, method: str, path: str, status: int) -> None:
    headers = basic(*user.split(":")) if user else {}
    answer = server.client()(method, path, b"" if method == "POST" else None, headers)
    assert answer.status == status
    if status == 403:
        assert answer.error == "DENIED"


def test_a_token_grants_what_the_rules_allow_of_what_was_asked_for(server: Process) -> None:
    client = server.client()
    given = token(client, "repository:team/image:pull,push repository:home/bob/x:push", basic("bob", "bob's"))
    assert given["token"] == given["access_token"]
    assert claims(given["token"])["access"] == [
        {"type": "repository", "name": "team/image", "actions": ["pull"]},
        {"type": "repository", "name": "home/bob/x", "actions": ["push"]},
    ]
    assert client("GET", "/v2/team/image/manifests/latest", headers=bearer(given["token"])).status == 200


def test_a_token_for_one_thing_is_not_for_another(server: Process) -> None:
    client = server.client()
    given = token(client, "repository:public/image:pull", basic("alice", "secret"))["token"]
    answer = client("GET", "/v2/team/image/manifests/latest", headers=bearer(given))
    assert answer.status == 401
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_anonymous_tokens_pull_what_is_public(server: Process) -> None:
    client = server.client()
    given = token(client, "repository:public/image:pull")["token"]
    assert client("GET", "/v2/", headers=bearer(given)).status == 200
    assert client("GET", "/v2/public/image/manifests/latest", headers=bearer(given)).status == 200
    given = token(client, "repository:team/image:pull")["token"]
    assert client("GET", "/v2/team/image/manifests/latest", headers=bearer(given)).status == 401


def _forged(text: str, **changes: Any) -> str:
    header, _, signature = text.split(".")
    content = {**claims(text), **changes}
    encoded = base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
    return ".".join((header, encoded, signature))


def test_a_forged_token_is_401(server: Process) -> None:
    client = server.client()
    good = token(client, "repository:public/image:pull", basic("bob", "bob's"))["token"]
    header, payload, _ = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    for bad in (
        _forged(good, sub="alice"),
        f"{none}.{payload}.",
        f"{header}.{payload}.AAAA",
        "a.b.c",
        "..",
        "x" * 9000,
    ):
        assert client("GET", "/v2/", headers=bearer(bad)).status == 401


def test_refresh_tokens_sign_in_until_the_password_changes(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text(new_line("carol", "one"))
    with registry(tmp_path / "root", "--htpasswd", str(users)) as process:
        client = process.client()
        kept = token(client, "", basic("carol", "one"), "&offline_token=true")["refresh_token"]
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        body = (
            f"grant_type=refresh_token&service=corral-registry&client_id=x&scope=repository:a:pull&refresh_token={kept}"
        )
        answer = client("POST", "/token", body.encode(), form)
        assert answer.status == 200
        assert claims(answer.json["access_token"])["sub"] == "carol"
        users.write_text(new_line("carol", "two"))
        process.popen.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 5
        while client("GET", "/v2/", headers=basic("carol", "two")).status != 200:
            assert time.monotonic() < deadline
        assert client("POST", "/token", body.encode(), form).status == 401
        assert client("GET", "/v2/", headers=basic("carol", "one")).status == 401


def test_a_file_that_became_wrong_is_not_taken_over(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text(new_line("carol", "one"))
    with registry(tmp_path / "root", "--htpasswd", str(users)) as process:
        users.write_text("carol:plain\n")
        process.popen.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 5
        while not any("not reloaded" in line for line in process.lines):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert process.client()("GET", "/v2/", headers=basic("carol", "one")).status == 200


def test_the_catalog_shows_what_may_be_pulled(server: Process) -> None:
    client = server.client()
    assert client("GET", "/v2/_catalog", headers=basic("bob", "bob's")).json["repositories"] == ["team/image"]
    assert client("GET", "/v2/_catalog").json["repositories"] == ["public/image"]


def test_a_blob_is_not_mounted_from_where_its_user_may_not_read(server: Process) -> None:
    alice, bob = server.client(**basic("alice", "secret")), server.client(**basic("bob", "bob's"))
    digest = alice.push_blob("team/deep/image", b"a secret layer")
    for query in (f"mount={digest}&from=team/deep/image", f"mount={digest}"):
        assert bob("POST", f"/v2/home/bob/x/blobs/uploads/?{query}", b"").status == 202
    assert bob("HEAD", f"/v2/home/bob/x/blobs/{digest}").status == 404


def test_metrics_are_for_who_has_signed_in(server: Process) -> None:
    assert server.client()("GET", "/metrics").status == 401
    text = server.client()("GET", "/metrics", headers=basic("bob", "bob's")).body.decode()
    assert "corral_registry_refused_sign_ins_total" in text


def test_basic_alone_where_it_is_asked_for(files: Path, tmp_path: Path) -> None:
    with registry(tmp_path, "--htpasswd", str(files / "users"), "--basic") as process:
        answer = process.client()("GET", "/v2/")
        assert answer.headers["www-authenticate"] == 'Basic realm="corral registry"'
        alice = process.client(**basic("alice", "secret"))
        alice.push_image("any/thing", "latest", b"x")
        assert alice("GET", "/v2/any/thing/manifests/latest", headers={"Accept": OCI_MANIFEST}).status == 200


@pytest.mark.parametrize(
    ("hashed", "scheme"),
    [
        ("$apr1$x$y", "apr1 (MD5)"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "SHA-1"),
        ("$6$salt$x", "sha512crypt"),
        ("plain", "crypt or plain text"),
        ("$2y$05$short", "a damaged bcrypt hash"),
    ],
)
def test_other_schemes_are_refused_by_name(tmp_path: Path, hashed: str, scheme: str) -> None:
    (tmp_path / "users").write_text(f"# x\nbob:{hashed}\n")
    line = refusal("--root", str(tmp_path / "root"), "--htpasswd", str(tmp_path / "users"))
    assert line == f"{tmp_path}/users:2: the password of bob is {scheme}: only bcrypt is accepted (htpasswd -B)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("permit a pull b", "a line begins with allow, deny or group, not permit"),
        ("allow a pull", "a rule is written: allow WHO ACTIONS REPOSITORIES"),
        ("allow a read b", "unknown action 'read': pull, push, delete or *"),
        ("group = a", "a group is written: group NAME = MEMBER, MEMBER ..."),
    ],
)
def test_a_wrong_rule_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rules").write_text(f"\n{text}\n")
    assert refusal("--root", str(tmp_path / "r"), "--rules", str(tmp_path / "rules")) == f"{tmp_path}/rules:2: {said}"
