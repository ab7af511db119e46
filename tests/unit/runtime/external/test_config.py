"""Descriptions for other runtimes: complete, and without anything that is ours."""

from __future__ import annotations

import dataclasses

import pytest

from corral.oci.annotations import REAPER
from corral.oci.runtime import (
    ConsoleSize,
    Device,
    DeviceRule,
    IDMapping,
    Linux,
    Mount,
    Pids,
    Process,
    Resources,
    Root,
    Spec,
    User,
)
from corral.runtime.external.config import complete, complete_process
from corral.runtime.init.user import Identity

BOB = Identity(1000, 1001, (1001, 29), "/home/bob")


def test_what_the_specification_demands_is_there() -> None:
    data = complete(Spec(), Identity(0, 0, (0,), "/root"), "/mnt/root")
    assert data["ociVersion"].startswith("1.")
    assert data["root"] == {"path": "/mnt/root", "readonly": False}
    assert data["process"]["cwd"] == "/"
    assert data["process"]["user"] == {"uid": 0, "gid": 0, "additionalGids": [0]}
    assert data["linux"] == {}


def test_required_members_that_equal_our_defaults_are_written_out() -> None:
    spec = Spec(
        process=Process(terminal=True, console_size=ConsoleSize(0, 80)),
        linux=Linux(
            uid_mappings=(IDMapping(size=5),),
            devices=(Device("/dev/zero", "c", 0, 5),),
            resources=Resources(devices=(DeviceRule(access="rwm"),), pids=Pids(0)),
        ),
    )
    data = complete(spec, BOB, "/mnt")
    assert data["process"]["consoleSize"] == {"height": 0, "width": 80}
    assert data["linux"]["uidMappings"] == [{"containerID": 0, "hostID": 0, "size": 5}]
    assert data["linux"]["devices"] == [{"path": "/dev/zero", "type": "c", "major": 0, "minor": 5}]
    assert data["linux"]["resources"]["devices"] == [{"allow": False, "access": "rwm"}]
    assert data["linux"]["resources"]["pids"] == {"limit": 0}


def test_names_become_numbers() -> None:
    process = Process(args=("id",), user=User(username="bob:staff", umask=0o77), additional_groups=("audio",))
    data = complete_process(process, BOB)
    assert data["user"] == {"uid": 1000, "gid": 1001, "additionalGids": [1001, 29], "umask": 0o77}
    assert "additionalGroups" not in data


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (("A=b",), ["A=b", "HOME=/home/bob"]),
        (("HOME=/mine", "A=b"), ["HOME=/mine", "A=b"]),
        (("HOME=", "A=b"), ["A=b", "HOME=/home/bob"]),
    ],
)
def test_home_is_the_users_unless_it_is_given(env: tuple[str, ...], expected: list[str]) -> None:
    assert complete_process(Process(env=env), BOB)["env"] == expected


def test_our_own_options_and_annotations_go() -> None:
    spec = Spec(
        mounts=(
            Mount("/etc/hosts", "bind", "/x", ("rbind", "x-corral.create=file", "ro")),
            Mount("/data", "bind", "/y", ("x-corral.copy-up",)),
        ),
        annotations={"io.corral.seccomp.bpf": "/f", "org.example": "kept"},
    )
    data = complete(spec, BOB, "/mnt")
    assert [mount["options"] for mount in data["mounts"]] == [["rbind", "ro"], []]
    assert data["annotations"] == {"org.example": "kept"}


def test_readonly_root_stays_one() -> None:
    assert complete(Spec(root=Root("ignored", readonly=True)), BOB, "/mnt")["root"] == {
        "path": "/mnt",
        "readonly": True,
    }


def test_reaper_becomes_the_program_that_is_mounted() -> None:
    spec = Spec(
        process=Process(args=("sh", "-c", "x")), annotations={REAPER: '["/sbin/docker-init","--","sh","-c","x"]'}
    )
    data = complete(dataclasses.replace(spec), BOB, "/mnt", reaper="/bundle/reaper")
    assert data["process"]["args"] == ["/sbin/docker-init", "--", "sh", "-c", "x"]
    assert data["mounts"][-1] == {
        "destination": "/sbin/docker-init",
        "type": "bind",
        "source": "/bundle/reaper",
        "options": ["bind", "ro", "nosuid", "nodev"],
    }
    assert data["annotations"] == {}
