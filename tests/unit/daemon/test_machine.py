"""What the machine must offer."""

import dataclasses

import pytest

from corral.daemon.machine import Facts, judge, look

GOOD = Facts(
    uid=0,
    system="Linux",
    kernel="6.1.0-18-amd64",
    capabilities=(1 << 41) - 1,
    namespaces=frozenset(("cgroup", "ipc", "mnt", "net", "pid", "uts", "user")),
    filesystems=frozenset(("overlay", "tmpfs")),
    cgroups=True,
    seccomp=True,
)


def test_a_debian_host_is_fine():
    verdict = judge(GOOD)
    assert verdict.fatal == verdict.warnings == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"uid": 1000}, "needs to be started as root"),
        ({"capabilities": 0}, "CAP_SYS_ADMIN"),
        ({"kernel": "5.4.0"}, "needs Linux 5.10 or newer, this is 5.4.0"),
        ({"namespaces": GOOD.namespaces - {"cgroup", "pid"}}, "the kernel has no cgroup, pid namespaces"),
        ({"cgroups": False}, "no cgroup file system is mounted"),
        ({"system": "Darwin"}, "corrald runs on Linux, this is Darwin"),
    ],
)
def test_what_it_cannot_do_without(change, message):
    [fatal] = judge(dataclasses.replace(GOOD, **change)).fatal
    assert message in fatal


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seccomp": False}, "no seccomp"),
        ({"filesystems": frozenset()}, "overlayfs"),
        ({"capabilities": 1 << 21}, "CAP_NET_ADMIN"),
    ],
)
def test_what_it_can_do_without(change, message):
    verdict = judge(dataclasses.replace(GOOD, **change))
    assert not verdict.fatal
    assert message in verdict.warnings[0]


def test_a_newer_kernel_than_any_known():
    assert not judge(dataclasses.replace(GOOD, kernel="10.0-rc1")).fatal


def test_this_machine_can_be_looked_at():
    facts = look()
    assert facts.system == "Linux"
    assert "pid" in facts.namespaces
