"""From requests to edits, and from edits to a spec."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from corral.api.types.host_config import DeviceRequest
from corral.engine.cdi.edits import NO_EDITS, Edits, apply
from corral.engine.cdi.registry import Registry
from corral.engine.cdi.request import edits_of
from corral.errors import CorralError, Internal, Invalid
from corral.oci.runtime import Device, DeviceRule, Hook, Hooks, Linux, Mount, Process, Resources, Spec

FAILED = "CDI device injection failed: "


def write(path: Path, kind: str, devices: dict[str, dict[str, Any]], common: dict[str, Any] | None = None) -> Registry:
    content = {
        "cdiVersion": "1.1.0",
        "kind": kind,
        "containerEdits": common or {},
        "devices": [{"name": name, "containerEdits": edits} for name, edits in devices.items()],
    }
    (path / f"{kind.replace('/', '-')}.json").write_text(json.dumps(content))
    return Registry([str(path)])


def env(*values: str) -> dict[str, Any]:
    return {"env": list(values)}


def by_name(*names: str) -> list[DeviceRequest]:
    return [DeviceRequest(driver="cdi", device_ids=list(names))]


def gpu(**fields: Any) -> list[DeviceRequest]:
    return [DeviceRequest(capabilities=[["gpu"]], **fields)]


def test_nothing_asked_is_nothing_read() -> None:
    class Untouchable(Registry):
        def catalogue(self) -> Any:
            raise AssertionError

    assert edits_of(None, Untouchable(["/etc/cdi"])) is NO_EDITS
    assert edits_of([], Untouchable(["/etc/cdi"])) is NO_EDITS


def test_common_edits_come_once_and_first(tmp_path: Path) -> None:
    registry = write(tmp_path, "v.com/d", {"a": env("A=1"), "b": env("B=1")}, env("COMMON=1"))
    found = edits_of(by_name("v.com/d=b", "v.com/d=a", "v.com/d=b"), registry)
    assert found.env == ("COMMON=1", "B=1", "A=1")


@pytest.mark.parametrize("name", ["v.com/d=z", "../../etc/passwd", "/dev/null", "", "v.com/d=../a", "nosuch.com/d=a"])
def test_what_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    registry = write(tmp_path, "v.com/d", {"a": env("A=1")})
    with pytest.raises(Internal) as raised:
        edits_of(by_name("v.com/d=a", name, "x.com/y=z"), registry)
    assert str(raised.value) == f"{FAILED}unresolvable CDI devices {name}, x.com/y=z"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (DeviceRequest(driver="cdi", count=2), "unexpected count in CDI device request"),
        (DeviceRequest(driver="cdi", options={"a": "b"}), "unexpected options in CDI device request"),
        (DeviceRequest(driver="nope"), 'could not select device driver "nope" with capabilities: []'),
        (
            DeviceRequest(driver="amd", capabilities=[["gpu", "x"], ["y"]]),
            'could not select device driver "amd" with capabilities: [[gpu x] [y]]',
        ),
        (DeviceRequest(capabilities=[["tpu"]]), 'could not select device driver "" with capabilities: [[tpu]]'),
    ],
)
def test_refusals_are_dockers(tmp_path: Path, request_: DeviceRequest, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        edits_of([request_], write(tmp_path, "v.com/d", {"a": env("A=1")}))
    assert str(raised.value) == message


def test_switched_off_there_is_no_driver() -> None:
    with pytest.raises(Invalid, match='could not select device driver "cdi" with capabilities: \\[\\]'):
        edits_of(by_name("v.com/d=a"), Registry())


GPUS = {"0": env("G=0"), "1": env("G=1"), "10": env("G=10"), "GPU-abc": env("G=u"), "all": env("G=all")}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (gpu(count=-1), ("G=all",)),
        (gpu(count=2), ("G=0", "G=1")),
        (gpu(count=3, driver="nvidia"), ("G=0", "G=1", "G=10")),
        (gpu(device_ids=["GPU-abc", "1"]), ("G=u", "G=1")),
        (gpu(device_ids=["nvidia.com/gpu=0"]), ("G=0",)),
        (gpu(), ()),
    ],
)
def test_gpus_are_devices_by_name(tmp_path: Path, wanted: list[DeviceRequest], found: tuple[str, ...]) -> None:
    assert edits_of(wanted, write(tmp_path, "nvidia.com/gpu", GPUS)).env == found


def test_all_gpus_are_the_numbered_ones_where_nobody_is_called_all(tmp_path: Path) -> None:
    registry = write(tmp_path, "nvidia.com/gpu", {name: GPUS[name] for name in ("0", "1", "GPU-abc")})
    assert edits_of(gpu(count=-1), registry).env == ("G=0", "G=1")


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (gpu(count=4), "4 devices of the kind nvidia.com/gpu are wanted, there are 3"),
        (gpu(count=1, device_ids=["0"]), "cannot set both Count and DeviceIDs on device request"),
        (gpu(device_ids=["7"]), "unresolvable CDI devices nvidia.com/gpu=7"),
    ],
)
def test_gpus_that_are_not_there(tmp_path: Path, wanted: list[DeviceRequest], reason: str) -> None:
    with pytest.raises(CorralError) as raised:
        edits_of(wanted, write(tmp_path, "nvidia.com/gpu", GPUS))
    assert reason in str(raised.value)


def test_without_any_gpu_the_error_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as raised:
        edits_of(gpu(count=-1), Registry([str(tmp_path)]))
    assert str(raised.value).startswith('could not select device driver "" with capabilities: [[gpu]]: ')
    assert "nvidia.com/gpu" in str(raised.value)


def test_nodes_are_as_the_host_has_them_or_as_they_are_described(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    nodes = [
        {"path": "/dev/x", "hostPath": "/dev/zero", "permissions": "r"},
        {"path": "/dev/null"},
        {"path": "dev/y", "type": "b", "major": 7, "minor": 1, "fileMode": 0o640, "uid": 1, "gid": 2},
        {"path": "/dev/p", "hostPath": str(tmp_path / "pipe")},
    ]
    found = edits_of(by_name("v.com/d=a"), write(tmp_path, "v.com/d", {"a": {"deviceNodes": nodes}}))
    assert found.devices == (
        Device("/dev/x", "c", 1, 5),
        Device("/dev/null", "c", 1, 3),
        Device("/dev/y", "b", 7, 1, 0o640, 1, 2),
        Device("/dev/p", "p"),
    )
    assert found.rules == (
        DeviceRule(True, "c", 1, 5, "r"),
        DeviceRule(True, "c", 1, 3, "rwm"),
        DeviceRule(True, "b", 7, 1, "rwm"),
    )


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ({"path": "/dev/nosuch"}, 'failed to stat CDI host device "/dev/nosuch": no such file or directory'),
        ({"path": "/etc/passwd"}, 'CDI device "/etc/passwd" is not a device node'),
        ({"path": "/dev/null", "type": "b"}, 'CDI device "/dev/null" is not a device node, expected type "b"'),
    ],
)
def test_nodes_that_are_not_there(tmp_path: Path, node: dict[str, Any], reason: str) -> None:
    with pytest.raises(Internal) as raised:
        edits_of(by_name("v.com/d=a"), write(tmp_path, "v.com/d", {"a": {"deviceNodes": [node]}}))
    assert str(raised.value) == FAILED + reason


def test_hooks_mounts_groups_and_interfaces(tmp_path: Path) -> None:
    edits = {
        "hooks": [{"hookName": "createRuntime", "path": "/h", "args": ["h", "1"], "env": ["E=1"], "timeout": 3}],
        "mounts": [
            {"hostPath": "/a", "containerPath": "b"},
            {"hostPath": "/c", "containerPath": "/d", "options": ["ro", "bind"]},
            {"hostPath": "tmpfs", "containerPath": "/t", "type": "tmpfs", "options": ["nosuid"]},
        ],
        "additionalGids": [0, 5, 5],
        "netDevices": [{"hostInterfaceName": "eth7", "name": "net0"}],
        "intelRdt": {"closID": "x"},
    }
    found = edits_of(by_name("v.com/d=a"), write(tmp_path, "v.com/d", {"a": edits}))
    assert found.hooks == (("create_runtime", Hook("/h", ("h", "1"), ("E=1",), 3)),)
    assert found.mounts == (
        Mount("/b", "bind", "/a", ("rbind",)),
        Mount("/d", "bind", "/c", ("ro", "bind")),
        Mount("/t", "tmpfs", "tmpfs", ("nosuid",)),
    )
    assert found.gids == (5, 5)
    assert found.net_devices["eth7"].name == "net0"
    assert found.intel_rdt is not None
    assert found.intel_rdt.clos_id == "x"


def test_edits_replace_what_has_the_same_name_or_place() -> None:
    before = Spec(
        process=Process(env=("PATH=/bin", "DEV=own"), additional_groups=("audio",)),
        mounts=(
            Mount("/proc", "proc"),
            Mount("/dev", "tmpfs"),
            Mount("/dev/pts", "devpts"),
            Mount("/data", "bind", "/x"),
        ),
        linux=Linux(
            devices=(Device("/dev/a", "c", 1, 1), Device("/dev/b", "c", 1, 2)),
            resources=Resources(devices=(DeviceRule(False, "a", None, None, "rwm"),)),
        ),
        hooks=Hooks(poststop=(Hook("/own"),)),
    )
    edits = Edits(
        env=("DEV=cdi", "NEW=1"),
        devices=(Device("/dev/a", "c", 9, 9),),
        rules=(DeviceRule(True, "c", 9, 9, "r"),),
        mounts=(Mount("/dev/pts/deep", "bind", "/p"), Mount("/data/", "bind", "/y"), Mount("/top", "bind", "/z")),
        hooks=(("poststop", Hook("/vendor")), ("prestart", Hook("/first"))),
        gids=(5, 5),
    )
    found = apply(edits, before)
    assert found.process.env == ("PATH=/bin", "DEV=cdi", "NEW=1")
    assert found.process.additional_groups == ("audio", "5")
    assert [(device.path, device.major) for device in found.linux.devices] == [("/dev/a", 9), ("/dev/b", 1)]
    assert found.linux.resources is not None
    assert [rule.allow for rule in found.linux.resources.devices] == [False, True]
    assert [(mount.destination, mount.source) for mount in found.mounts] == [
        ("/proc", ""),
        ("/dev", ""),
        ("/data/", "/y"),
        ("/top", "/z"),
        ("/dev/pts", ""),
        ("/dev/pts/deep", "/p"),
    ]
    assert found.hooks == Hooks(prestart=(Hook("/first"),), poststop=(Hook("/own"), Hook("/vendor")))
    assert apply(NO_EDITS, before) is before
