from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from corral.errors import Unauthorized
from corral.registry.auth.tokens import Grant, Signer, load_key

SIGNER = Signer(b"k" * 32, "service")


def test_what_was_signed_is_read_again() -> None:
    grant = Grant("repository", "a/b", ["pull"])
    claims = SIGNER.read(SIGNER.access("alice", [grant]))
    assert (claims.sub, claims.access) == ("alice", [grant])


@pytest.mark.parametrize(
    "reader",
    [dataclasses.replace(SIGNER, key=b"j" * 32), dataclasses.replace(SIGNER, service="other")],
    ids=["key", "service"],
)
def test_another_key_or_service_refuses_it(reader: Signer) -> None:
    with pytest.raises(Unauthorized):
        reader.read(SIGNER.access("alice", []))


def test_a_token_expires() -> None:
    with pytest.raises(Unauthorized, match="expired"):
        SIGNER.read(dataclasses.replace(SIGNER, lifetime=-60).access("alice", []))


def test_a_refresh_token_is_no_access_token() -> None:
    with pytest.raises(Unauthorized, match="something else"):
        SIGNER.read(SIGNER.refresh("alice", "f"))
    with pytest.raises(Unauthorized, match="something else"):
        SIGNER.read(SIGNER.access("alice", []), "refresh")


def test_every_changed_character_is_noticed() -> None:
    token = SIGNER.access("alice", [])
    for place in range(len(token) - 1):  # the last has bits that decode to nothing
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(Unauthorized):
            SIGNER.read(changed)


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    key = load_key(tmp_path / "key")
    assert len(key) == 32
    assert load_key(tmp_path / "key") == key
    assert os.stat(tmp_path / "key").st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["key"]
