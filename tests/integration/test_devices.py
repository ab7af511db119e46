"""Devices: by path, by rule, and by name (CDI) with everything that a name may stand for."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.host import TestHost, busybox_archive

LOOP = "/dev/loop-control"
"""A device that containers may not use unless they ask for it."""
GATHERING = "error gathering device information while adding custom device"


@pytest.fixture(scope="module")
def specifications(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cdi")


@pytest.fixture(scope="module")
def engine(specifications: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHost]:
    """A host whose specifications are the test's."""
    host = TestHost("cdi", flags=("--cdi-spec-dir", str(specifications)))
    try:
        host.start()
        host.import_busybox(busybox_archive(tmp_path_factory.mktemp("image")))
        yield host
    finally:
        host.close()


@pytest.fixture(autouse=True)
def tidy(engine: TestHost, specifications: Path) -> Iterator[None]:
    yield
    for path in specifications.iterdir():
        path.unlink()
    if ids := engine.docker("ps", "-aq").stdout.split():
        engine.docker("rm", "-f", *ids)


def describe(directory: Path, devices: dict[str, dict[str, Any]], common: dict[str, Any] | None = None) -> None:
    content = {
        "cdiVersion": "0.7.0",
        "kind": "test.example/thing",
        "containerEdits": common or {},
        "devices": [{"name": name, "containerEdits": edits} for name, edits in devices.items()],
    }
    (directory / "thing.json").write_text(json.dumps(content))


def run(engine: TestHost, *arguments: str) -> str:
    return engine.docker("run", "--rm", *arguments).stdout


def refused(engine: TestHost, *arguments: str) -> str:
    done = engine.docker("run", "--rm", *arguments, check=False)
    assert done.returncode in (125, 127)  # the client makes 127 of "no such file"
    return done.stderr


def test_a_device_by_path_is_there_under_its_new_name_with_its_rights(engine: TestHost) -> None:
    script = ": < /dev/mine && echo readable; : > /dev/mine"
    device = ("--device", f"{LOOP}:/dev/mine:r")
    done = engine.docker("run", "--rm", *device, "busybox", "sh", "-c", script, check=False)
    assert done.stdout == "readable\n"
    assert "Operation not permitted" in done.stderr


def test_a_directory_of_devices_is_all_of_them_and_may_be_none(engine: TestHost, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    os.mknod(tmp_path / "below" / "one", 0o20600, os.makedev(1, 3))
    os.mknod(tmp_path / "two", 0o20600, os.makedev(1, 5))
    (tmp_path / "note").write_text("no device")
    found = run(engine, "--device", f"{tmp_path}:/dev/all", "busybox", "find", "/dev/all", "-type", "c")
    assert set(found.split()) == {"/dev/all/below/one", "/dev/all/two"}
    (tmp_path / "none").mkdir()
    assert run(engine, "--device", f"{tmp_path}/none", "busybox", "echo", "ok") == "ok\n"


def test_a_device_outside_of_dev_stays_inside_the_root(engine: TestHost) -> None:
    found = run(engine, "--device", "/dev/zero:/../../../etc/zero", "busybox", "ls", "/etc/zero")
    assert found == "/etc/zero\n"
    assert not Path("/etc/zero").exists()


@pytest.mark.parametrize(
    ("path", "reason"), [("/dev/nosuch", "no such file or directory"), ("/etc/passwd", "not a device node")]
)
def test_what_is_no_device_is_refused_in_dockers_words(engine: TestHost, path: str, reason: str) -> None:
    assert f'{GATHERING} "{path}": {reason}' in refused(engine, "--device", path, "busybox", "true")


def test_a_rule_allows_what_the_default_forbids(engine: TestHost) -> None:
    script = "mknod /dev/k c 1 11 && head -c 0 < /dev/k && echo opened"
    denied = engine.docker("run", "--rm", "busybox", "sh", "-c", script, check=False)
    assert "Operation not permitted" in denied.stderr
    allowed = ("--device-cgroup-rule", "c 1:11 rw", "--cap-add", "SYSLOG")
    done = engine.docker("run", "--rm", *allowed, "busybox", "sh", "-c", script, check=False)
    assert done.stdout == "opened\n"


def test_a_device_by_name_brings_everything_that_it_stands_for(
    engine: TestHost, specifications: Path, tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "driver.so").write_text("driver")
    edits = {
        "env": ["THING=a"],
        "deviceNodes": [{"path": "/dev/thing0", "hostPath": LOOP, "permissions": "r"}],
        "mounts": [{"hostPath": f"{tmp_path}/lib", "containerPath": "/vendor/lib", "options": ["ro", "bind"]}],
        "additionalGids": [4321],
        "hooks": [
            {
                "hookName": "createRuntime",
                "path": "/bin/sh",
                "args": ["sh", "-c", f"cat > {tmp_path}/state"],
            }
        ],
    }
    describe(specifications, {"a": edits, "b": {"env": ["OTHER=b"]}}, {"env": ["COMMON=1"]})
    script = "echo $COMMON:$THING:$OTHER; cat /vendor/lib/driver.so; id -G; ls /dev/thing0"
    names = ("--device", "test.example/thing=a", "--device", "test.example/thing=b")
    lines = run(engine, *names, "-e", "THING=own", "-u", "1000", "busybox", "sh", "-c", script).splitlines()
    assert lines[0] == "1:a:b"
    assert lines[1].startswith("driver")
    assert "4321" in lines[1].removeprefix("driver").split()
    assert lines[2:] == ["/dev/thing0"]
    state = json.loads((tmp_path / "state").read_text())
    assert len(state["id"]) == 64
    refusal = engine.docker("run", "--rm", *names, "busybox", "sh", "-c", ": > /dev/thing0", check=False)
    assert "Operation not permitted" in refusal.stderr


def test_names_that_nobody_described_are_refused_in_dockers_words(engine: TestHost, specifications: Path) -> None:
    describe(specifications, {"a": {"env": ["A=1"]}})
    names = ("--device", "test.example/thing=z", "--device", "other.example/thing=yy")
    text = refused(engine, *names, "busybox", "true")
    unknown = "unresolvable CDI devices test.example/thing=z, other.example/thing=yy"
    assert f"Error response from daemon: CDI device injection failed: {unknown}\n" in text


def test_a_name_that_climbs_is_no_path(engine: TestHost, specifications: Path) -> None:
    describe(specifications, {"a": {"env": ["A=1"]}})
    with closing(engine.sdk()) as client:
        request = {"Driver": "cdi", "DeviceIDs": ["../../../../etc/x=../../shadow"]}
        container = client.api.create_container(
            "busybox", ["true"], host_config={**client.api.create_host_config(), "DeviceRequests": [request]}
        )
        with pytest.raises(Exception, match=re.escape("unresolvable CDI devices ../../../../etc/x=../../shadow")):
            client.api.start(container["Id"])


def test_a_broken_specification_is_a_warning_and_hides_nothing(engine: TestHost, specifications: Path) -> None:
    describe(specifications, {"a": {"env": ["A=1"]}})
    (specifications / "bad.json").write_text('{"kind": "../..", "devices": ' + "[" * 5000)
    assert run(engine, "--device", "test.example/thing=a", "busybox", "sh", "-c", "echo $A") == "1\n"
    info = json.loads(engine.docker("info", "--format", "json").stdout)
    assert info["CDISpecDirs"] == [str(specifications)]
    assert info["DiscoveredDevices"] == [{"Source": "cdi", "ID": "test.example/thing=a"}]
    assert any(f"CDI: Error associated with spec file {specifications}/bad.json" in w for w in info["Warnings"])
    assert "  cdi: test.example/thing=a\n" in engine.corral("info").stdout


def test_gpus_come_by_name_or_the_error_says_what_is_missing(engine: TestHost, specifications: Path) -> None:
    text = refused(engine, "--gpus", "all", "busybox", "true")
    assert 'could not select device driver "" with capabilities: [[gpu]]: no CDI specification' in text
    devices = [{"name": name, "containerEdits": {"env": [f"GPU{name}=1"]}} for name in ("0", "1")]
    content = {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": devices}
    (specifications / "nvidia.json").write_text(json.dumps(content))
    assert run(engine, "--gpus", "1", "busybox", "sh", "-c", "echo $GPU0:$GPU1") == "1:\n"
    assert run(engine, "--gpus", "all", "busybox", "sh", "-c", "echo $GPU0:$GPU1") == "1:1\n"


def test_a_hook_that_fails_fails_the_start_and_leaves_nothing(engine: TestHost, specifications: Path) -> None:
    hook = {"hookName": "createRuntime", "path": "/bin/false"}
    describe(specifications, {"a": {"hooks": [hook]}})
    text = refused(engine, "--device", "test.example/thing=a", "busybox", "true")
    assert "hook" in text
    assert engine.docker("ps", "-aq").stdout == ""
