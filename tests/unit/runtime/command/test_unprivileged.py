"""Who may not clone containers is told so in one line."""

from __future__ import annotations

import os

import pytest

from corral.runtime.command import main


@pytest.mark.parametrize("verb", ["create", "run", "exec"])
def test_other_users_than_root_get_one_clear_line(
    verb: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main._run([verb, "box"]) == 1
    error = capfd.readouterr().err
    assert f"{verb} needs root, of the host or of a user namespace: rootless mode is not built" in error
    assert error.count("\n") == 1
