"""Which kernel parameters a container may set: those of its own namespaces, in runc's words."""

from __future__ import annotations

import os

import pytest

from corral.errors import Invalid
from corral.oci.runtime import Namespace
from corral.runtime.init.sysctl import check

OWN = tuple(Namespace(kind) for kind in ("mount", "pid", "network", "ipc", "uts", "cgroup"))


@pytest.mark.parametrize(
    "name",
    [
        "net.ipv4.ip_forward",
        "net/ipv4/conf/eth0.1/forwarding",
        "net.ipv4.conf.eth0/1.forwarding",
        "kernel.msgmax",
        "kernel.shm_rmid_forced",
        "kernel/sem",
        "fs.mqueue.msg_max",
        "kernel.domainname",
    ],
)
def test_what_belongs_to_a_namespace_may_be_set(name: str) -> None:
    check({name: "1"}, OWN)


def test_user_limits_need_a_user_namespace() -> None:
    check({"user.max_user_namespaces": "1"}, (*OWN, Namespace("user")))
    with pytest.raises(Invalid, match="setting ucounts without a user namespace not allowed"):
        check({"user.max_user_namespaces": "1"}, OWN)


@pytest.mark.parametrize(
    ("name", "namespaces", "error"),
    [
        ("vm.swappiness", OWN, 'sysctl "vm.swappiness" is not in a separate kernel namespace'),
        ("kernel.core_pattern", OWN, 'sysctl "kernel.core_pattern" is not in a separate kernel namespace'),
        ("kernel/core_pattern", OWN, 'sysctl "kernel.core_pattern" is not in a separate kernel namespace'),
        (
            "kernel.hostname",
            OWN,
            'sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field',
        ),
        ("kernel.domainname", (), 'sysctl "kernel.domainname" is not in a separate kernel namespace'),
        ("kernel.shmmax", (), 'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace'),
        ("fs.mqueue.msg_max", (), 'sysctl "fs.mqueue.msg_max" is not allowed in the hosts ipc namespace'),
        ("net.core.somaxconn", (), 'sysctl "net.core.somaxconn" not allowed in host network namespace'),
        (
            "net.core.somaxconn",
            (Namespace("network", f"/proc/{os.getpid()}/ns/net"),),
            'sysctl "net.core.somaxconn" not allowed in host network namespace',
        ),
        ("net/../kernel/core_pattern", OWN, "invalid sysctl: net/../kernel/core_pattern"),
        ("/kernel/core_pattern", OWN, "invalid sysctl: /kernel/core_pattern"),
    ],
)
def test_what_is_the_hosts_may_not(name: str, namespaces: tuple[Namespace, ...], error: str) -> None:
    with pytest.raises(Invalid) as raised:
        check({name: "1"}, namespaces)
    assert str(raised.value) == error
