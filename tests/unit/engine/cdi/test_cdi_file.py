"""What a specification may say, and what makes it invalid."""

from __future__ import annotations

from typing import Any

import pytest

from corral.engine.cdi.file import decode, least_version
from corral.engine.cdi.names import parse

EDITS = {"env": ["A=1"]}


def spec(version: str = "1.1.0", **changes: Any) -> dict[str, Any]:
    return {
        "cdiVersion": version,
        "kind": "vendor.com/net",
        "devices": [{"name": "a", "containerEdits": EDITS}],
        **changes,
    }


def device(edits: object, **changes: Any) -> dict[str, Any]:
    return spec(devices=[{"name": "a", "containerEdits": edits, **changes}])


def test_a_whole_specification() -> None:
    everything = {
        "env": ["A=1"],
        "deviceNodes": [
            {"path": "/dev/a", "hostPath": "/dev/b", "type": "c", "major": 1, "minor": 3, "fileMode": 420,
             "permissions": "rw", "uid": 1, "gid": 2},
        ],
        "netDevices": [{"hostInterfaceName": "eth7", "name": "net0"}],
        "hooks": [{"hookName": "createRuntime", "path": "/bin/x", "args": ["x", "y"], "env": ["E=1"], "timeout": 5}],
        "mounts": [{"hostPath": "/a", "containerPath": "/b", "options": ["ro"], "type": "bind"}],
        "intelRdt": {"closID": "x", "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=9", "enableCMT": True},
        "additionalGids": [5],
    }  # fmt: skip
    found = decode(spec(annotations={"vendor.com/x": "1"}, containerEdits=everything))
    assert found.devices[0].container_edits.env == ["A=1"]
    edits = found.container_edits
    assert edits.device_nodes is not None
    assert edits.device_nodes[0].file_mode == 420
    assert edits.intel_rdt is not None
    assert (edits.intel_rdt.clos_id, edits.intel_rdt.enable_cmt) == ("x", True)


def test_null_is_nothing() -> None:
    assert decode(spec(annotations=None, containerEdits={"env": None, "mounts": None})).annotations is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "Expected `object`"),
        ([], "Expected `object`"),
        ("text", "Expected `object`"),
        (spec(nope=1), "unknown field `nope`"),
        (spec(version="9.9.9"), 'invalid version "9.9.9"'),
        (spec(kind="nokind"), 'invalid class ""'),
        (spec(kind="/class"), 'invalid vendor ""'),
        (spec(kind="../../etc/class"), 'invalid vendor ".."'),
        (spec(kind="vendor.com/-x"), 'invalid class "-x"'),
        (spec(devices=[]), "no devices"),
        (spec(devices={}), "Expected `array`"),
        (spec(devices=[{"name": "a", "containerEdits": EDITS}] * 2), 'multiple device "a"'),
        (device({}), "empty device edits"),
        (device(EDITS, name="../x"), 'invalid device name "../x"'),
        (device(EDITS, name="a\n"), "invalid device name"),
        (device({"env": ["NOVALUE"]}), 'invalid environment variable "NOVALUE"'),
        (device({"env": ["=x"]}), 'invalid environment variable "=x"'),
        (device({"env": [1]}), "Expected `str`"),
        (device({"env": "A=1"}), "Expected `array | null`"),
        (device({"deviceNodes": [{"path": ""}]}), "(empty) device path"),
        (device({"deviceNodes": [{"path": "/dev/x", "type": "s"}]}), 'invalid type "s"'),
        (device({"deviceNodes": [{"path": "/dev/x", "permissions": "rwx"}]}), 'invalid permissions "rwx"'),
        (device({"deviceNodes": [{"path": "/dev/x", "major": "1"}]}), "Expected `int`"),
        (device({"deviceNodes": [{"path": "/dev/x", "major": 1 << 70}]}), "out of range"),
        (device({"hooks": [{"hookName": "never", "path": "/x"}]}), 'invalid hook name "never"'),
        (device({"hooks": [{"hookName": "poststop", "path": ""}]}), "empty path"),
        (device({"mounts": [{"hostPath": "", "containerPath": "/x"}]}), "empty host path"),
        (device({"mounts": [{"hostPath": "/x", "containerPath": ""}]}), "empty container path"),
        (device({"mounts": [{"hostPath": "/x"}]}), "missing required field `containerPath`"),
        (device({"intelRdt": {"closID": "../x"}}), "invalid ClosID"),
        (device({"additionalGids": [-1]}), "invalid additional GID"),
        (spec(annotations={"bad key": "x"}), "invalid annotation key"),
        (spec("0.4.0", containerEdits={"deviceNodes": [{"path": "/a", "hostPath": "/b"}]}), "must be at least v0.5.0"),
        (spec("0.6.0", containerEdits={"additionalGids": [1]}), "must be at least v0.7.0"),
    ],
)  # fmt: skip
def test_what_makes_it_invalid(content: object, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        decode(content)
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("version", "changes"),
    [
        ("0.3.0", {}),
        ("0.4.0", {"containerEdits": {"mounts": [{"hostPath": "/a", "containerPath": "/b", "type": "bind"}]}}),
        ("0.5.0", {"devices": [{"name": "0", "containerEdits": EDITS}]}),
        ("0.6.0", {"kind": "vendor.com/a.b"}),
        ("0.7.0", {"containerEdits": {"intelRdt": {}}}),
        ("1.1.0", {"containerEdits": {"netDevices": [{"hostInterfaceName": "a", "name": "b"}]}}),
    ],
)
def test_versions_have_what_they_have(version: str, changes: dict[str, Any]) -> None:
    assert least_version(decode(spec(**changes))) == version


@pytest.mark.parametrize("text", ["vendor.com/class=name", "v/c=0", "a-b/c_d=e:f.g"])
def test_names(text: str) -> None:
    found = parse(text)
    assert found is not None
    assert str(found) == text
    assert text.startswith(found.kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/dev/sda",
        "v/c=",
        "v/=d",
        "/c=d",
        "v=d",
        "../x/c=d",
        "v/../c=d",
        "v/c=../../d",
        "v/c=d\n",
        "v/c=d/e",
        "1/c=d",
    ],
)
def test_paths_and_traversals_are_no_names(text: str) -> None:
    assert parse(text) is None
