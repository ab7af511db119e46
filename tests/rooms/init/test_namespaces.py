"""Namespaces: new ones, those of the host, those of others."""

from __future__ import annotations

import os

import pytest

from corral.oci.runtime import Namespace
from support.boxes import NAMESPACES, NEEDS, Box, in_box, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)

LINKS = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
SHOW = shell("for name in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$name; done")


def own() -> list[str]:
    return [os.readlink(f"/proc/self/ns/{name}") for name in LINKS]


def test_each_namespace_is_new(box: Box) -> None:
    seen = in_box(box, lambda box: box.run(spec(SHOW)).lines)
    assert len(seen) == len(LINKS)
    assert not set(seen) & set(own())


@pytest.mark.parametrize(
    ("kind", "link"), [("cgroup", "cgroup"), ("ipc", "ipc"), ("network", "net"), ("pid", "pid"), ("uts", "uts")]
)
def test_a_namespace_that_the_spec_leaves_out_is_the_hosts(box: Box, kind: str, link: str) -> None:
    rest = tuple(namespace for namespace in NAMESPACES if namespace.type != kind)
    seen = in_box(box, lambda box: box.run(spec(SHOW, hostname="", linux={"namespaces": rest})).lines)
    assert [a == b for a, b in zip(seen, own(), strict=True)] == [name == link for name in LINKS]


@pytest.mark.parametrize("link", ["ipc", "net", "pid", "uts"])
def test_a_namespace_of_another_container_is_joined_by_its_path(box: Box, link: str) -> None:
    kind = {"net": "network"}.get(link, link)

    def scenario(box: Box) -> list[list[str]]:
        first = spec(shell("echo ready; exec sleep 100"))
        with box.running(first) as running:
            path = f"/proc/{running.child.pid}/ns/{link}"
            joined = tuple(Namespace(n.type, path if n.type == kind else "") for n in NAMESPACES)
            theirs = [os.readlink(f"/proc/{running.child.pid}/ns/{name}") for name in LINKS]
            return [theirs, box.run(spec(SHOW, linux={"namespaces": joined})).lines]

    theirs, seen = in_box(box, scenario)
    assert [a == b for a, b in zip(seen, theirs, strict=True)] == [name == link for name in LINKS]


def test_the_name_of_a_joined_namespace_is_set(box: Box) -> None:
    def scenario(box: Box) -> list[str]:
        with box.running(spec(shell("echo ready; exec sleep 100"), hostname="first")) as running:
            path = f"/proc/{running.child.pid}/ns/uts"
            joined = tuple(Namespace(n.type, path if n.type == "uts" else "") for n in NAMESPACES)
            kept = box.run(spec(shell("hostname"), hostname="", linux={"namespaces": joined})).lines
            return kept + box.run(spec(shell("hostname"), hostname="second", linux={"namespaces": joined})).lines

    assert in_box(box, scenario) == ["first", "second"]


def test_the_cloning_process_stays_in_its_own_pid_namespace(box: Box) -> None:
    def scenario(box: Box) -> bool:
        with box.running(spec(shell("exec sleep 100"))) as running:
            path = f"/proc/{running.child.pid}/ns/pid"
            joined = tuple(Namespace(n.type, path if n.type == "pid" else "") for n in NAMESPACES)
            box.run(spec(shell("true"), linux={"namespaces": joined}))
            return os.readlink("/proc/self/ns/pid") == os.readlink("/proc/self/ns/pid_for_children")

    assert in_box(box, scenario)


def test_a_namespace_that_is_not_there_is_an_error(box: Box) -> None:
    joined = tuple(Namespace(n.type, "/nowhere" if n.type == "ipc" else "") for n in NAMESPACES)
    outcome = in_box(box, lambda box: box.run(spec(SHOW, linux={"namespaces": joined})))
    assert outcome.error == "joining namespace /nowhere: no such file or directory"


def test_names_and_loopback_are_set_in_new_namespaces(box: Box) -> None:
    show = shell("hostname; cat /proc/sys/kernel/domainname; ip -o addr show lo | grep -c 127.0.0.1/8")
    outcome = in_box(box, lambda box: box.run(spec(show, hostname="inside", domainname="example")))
    assert outcome.lines == ["inside", "example", "1"]


def test_the_first_process_is_process_one_and_sees_no_other(box: Box) -> None:
    outcome = in_box(box, lambda box: box.run(spec(shell("echo $$; ls /proc | grep -c '^[0-9]'"))))
    assert outcome.lines[0] == "1"
    assert int(outcome.lines[1]) <= 3
