"""Directories of specifications: order, conflicts, files that are wrong or hostile."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from corral.engine.cdi.registry import Registry

YAML = """
cdiVersion: "0.5.0"
kind: vendor.com/gpu
devices:
  - name: "0"
    containerEdits:
      deviceNodes:
        - {path: /dev/x, fileMode: 0640}
"""


def write(path: Path, kind: str = "vendor.com/dev", **env: str) -> None:
    """Devices by name, each with one variable."""
    devices = [{"name": name, "containerEdits": {"env": [f"DEV={value}"]}} for name, value in env.items()]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"cdiVersion": "0.6.0", "kind": kind, "devices": devices}))


def values(registry: Registry) -> dict[str, str]:
    found = {}
    for name, (_, device) in registry.catalogue().devices.items():
        assert device.container_edits.env is not None
        found[name] = device.container_edits.env[0].partition("=")[2]
    return found


def test_json_and_yaml(tmp_path: Path) -> None:
    write(tmp_path / "b.json", b="1", a="2")
    (tmp_path / "a.yaml").write_text(YAML)
    (tmp_path / "readme.txt").write_text("not a specification")
    found = Registry([str(tmp_path)]).catalogue()
    assert list(found.devices) == ["vendor.com/dev=a", "vendor.com/dev=b", "vendor.com/gpu=0"]
    nodes = found.devices["vendor.com/gpu=0"][1].container_edits.device_nodes
    assert nodes is not None
    assert nodes[0].file_mode == 0o640
    assert found.errors == {}


def test_without_directories_there_is_nothing(tmp_path: Path) -> None:
    assert Registry().catalogue().devices == {}
    found = Registry([str(tmp_path / "nosuch")]).catalogue()
    assert (found.devices, found.errors) == ({}, {})


def test_the_later_directory_counts(tmp_path: Path) -> None:
    write(tmp_path / "etc" / "x.json", a="etc", b="etc")
    write(tmp_path / "run" / "x.json", a="run")
    registry = Registry([str(tmp_path / "etc"), str(tmp_path / "run")])
    assert values(registry) == {"vendor.com/dev=a": "run", "vendor.com/dev=b": "etc"}


def test_a_device_of_two_files_is_nobodys(tmp_path: Path) -> None:
    write(tmp_path / "x.json", a="x", b="x")
    write(tmp_path / "y.json", a="y")
    registry = Registry([str(tmp_path)])
    assert values(registry) == {"vendor.com/dev=b": "x"}
    assert 'conflicting device "vendor.com/dev=a"' in registry.catalogue().errors[str(tmp_path / "y.json")]


def test_changes_are_seen_and_what_is_gone_is_gone(tmp_path: Path) -> None:
    registry = Registry([str(tmp_path)])
    write(tmp_path / "x.json", a="old")
    assert values(registry) == {"vendor.com/dev=a": "old"}
    write(tmp_path / "x.json", a="newer")
    assert values(registry) == {"vendor.com/dev=a": "newer"}
    (tmp_path / "x.json").unlink()
    assert values(registry) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"null",
        b"[" * 100_000,
        b'{"cdiVersion":' * 20_000,
        b'{"cdiVersion": "0.6.0", "kind": "vendor.com/dev", "devices": 7}',
        b'{"cdiVersion": "0.6.0", "kind": "vendor.com/dev", "devices": [{"name": "a", "containerEdits": []}]}',
    ],
    ids=["empty", "torn", "binary", "null", "deep-list", "deep-object", "number", "nested"],
)
@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_a_hostile_file_is_an_error_of_its_own(tmp_path: Path, content: bytes, ending: str) -> None:
    (tmp_path / f"bad.{ending}").write_bytes(content)
    write(tmp_path / "good.json", kind="good.com/dev", a="1")
    found = Registry([str(tmp_path)]).catalogue()
    assert list(found.devices) == ["good.com/dev=a"]
    assert list(found.errors) == [str(tmp_path / f"bad.{ending}")]


def test_yaml_objects_of_python_are_not_made(tmp_path: Path) -> None:
    mark = tmp_path / "made"
    (tmp_path / "x.yaml").write_text(f"!!python/object/apply:os.mkdir ['{mark}']\n")
    found = Registry([str(tmp_path)]).catalogue()
    assert list(found.errors) == [str(tmp_path / "x.yaml")]
    assert not mark.exists()


def test_a_fifo_does_not_stop_the_engine(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.json")
    os.symlink("loop.json", tmp_path / "loop.json")
    os.symlink("/nowhere", tmp_path / "dangling.yaml")
    (tmp_path / "dir.json").mkdir()
    found = Registry([str(tmp_path)]).catalogue()
    assert found.devices == {}
    assert found.errors[str(tmp_path / "x.json")] == "not a regular file"
    assert set(found.errors) == {str(tmp_path / name) for name in ("x.json", "loop.json", "dangling.yaml")}


def test_json_needs_no_yaml_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    write(tmp_path / "x.json", a="1")
    (tmp_path / "x.yaml").write_text(YAML)
    found = Registry([str(tmp_path)]).catalogue()
    assert list(found.devices) == ["vendor.com/dev=a"]
    assert "pyyaml" in found.errors[str(tmp_path / "x.yaml")]
