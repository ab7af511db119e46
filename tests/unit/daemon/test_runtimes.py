"""Names that --runtime may give, from PATH, daemon.json and flags."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corral.daemon.config import load
from corral.daemon.runtimes import known_runtimes, parse_runtimes
from corral.daemon.translate import container_settings, system_settings
from corral.errors import Invalid
from corral.runtime.driver import RuntimeBinary


def _configured(tmp_path: Path, content: object, *flags: str) -> dict[str, RuntimeBinary | None]:
    file = tmp_path / "daemon.json"
    file.write_text(json.dumps(content))
    return dict(container_settings(load(["--config-file", str(file), *flags])).runtimes)


def test_our_own_is_always_there_by_docker_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert known_runtimes({}, "corral") == {"corral": None, "io.containerd.runc.v2": None}


def test_programs_in_path_need_no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "runc").write_text("")
    (tmp_path / "runc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert known_runtimes({}, "runc")["runc"] == RuntimeBinary("runc")


def test_file_names_path_and_arguments(tmp_path: Path) -> None:
    found = _configured(tmp_path, {"runtimes": {"mine": {"path": "crun", "runtimeArgs": ["--debug"]}}})
    assert found["mine"] == RuntimeBinary("crun", ("--debug",))


def test_options_of_the_shim_name_a_program() -> None:
    entry = {"runtimeType": "io.containerd.runc.v2", "options": {"BinaryName": "/opt/crun"}}
    assert parse_runtimes({"mine": entry}) == {"mine": RuntimeBinary("/opt/crun")}


def test_flag_registers_one() -> None:
    config = load(["--add-runtime", "mine=/opt/runc", "--default-runtime", "mine"])
    assert container_settings(config).runtimes["mine"] == RuntimeBinary("/opt/runc")
    assert container_settings(config).default_runtime == "mine"
    assert system_settings(config).default_runtime == "mine"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "runtime x: either a runtimeType or a path must be configured"),
        ({"path": "a", "runtimeType": "b"}, "runtime x: cannot configure both path and runtimeType"),
        ({"path": "a", "options": {"b": 1}}, "runtime x: options cannot be used with a path runtime"),
        ({"runtimeType": "b", "runtimeArgs": ["c"]}, "runtime x: args cannot be used with a runtimeType runtime"),
        ({"runtimeType": "io.containerd.kata.v2"}, "runtime x: only runtimeType io.containerd.runc.v2"),
        ({"path": 5}, "runtimes: runtime x: wrong type"),
        ({"path": "a", "runtimeArgs": [1]}, "runtimes: runtime x: wrong type"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, entry: object, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        _configured(tmp_path, {"runtimes": {"x": entry}})


def test_list_of_runtimes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="runtimes: expected runtime"):
        _configured(tmp_path, {"runtimes": []})


def test_unknown_default_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="specified default runtime 'zz' does not exist"):
        _configured(tmp_path, {"default-runtime": "zz"})


def test_flag_without_a_path_is_refused() -> None:
    with pytest.raises(Invalid, match='invalid argument "x" for "--add-runtime" flag: invalid runtime argument: x'):
        load(["--add-runtime", "x"])
