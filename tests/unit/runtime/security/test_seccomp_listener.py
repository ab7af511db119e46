"""SCMP_ACT_NOTIFY before there is a process: who is told, what, and what cannot work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.linux import seccomp
from corral.oci.runtime import Seccomp, SeccompSyscall
from corral.runtime.security.seccomp import load
from corral.runtime.security.seccomp.cache import FilterCache
from corral.runtime.security.seccomp.notify import Listener, ProcessState, listener_of
from corral.runtime.security.seccomp.rules import flag_bits

NEW_LISTENER = seccomp.SECCOMP_FILTER_FLAG_NEW_LISTENER


def notifying(*names: str, default: str = "SCMP_ACT_ALLOW", path: str = "/agent", metadata: str = "") -> Seccomp:
    rules = (SeccompSyscall(names, "SCMP_ACT_NOTIFY"),) if names else ()
    return Seccomp(default, listener_path=path, listener_metadata=metadata, syscalls=rules)


def test_the_listener_is_who_the_description_names() -> None:
    assert listener_of(notifying("mkdir", metadata="x")) == Listener("/agent", "x")


def test_who_notifies_of_nothing_needs_no_listener() -> None:
    assert listener_of(notifying()) is None
    assert listener_of(notifying(path="relative")) is None


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (notifying(default="SCMP_ACT_NOTIFY"), "cannot be used as default action"),
        (notifying("mkdir", "write"), "cannot be used for the write syscall"),
        (notifying("mkdir", path=""), "seccomp listenerPath is not set"),
        (notifying("mkdir", path="agent"), "not an absolute path"),
    ],
)
def test_what_cannot_work(description: Seccomp, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        listener_of(description)


def test_the_state_is_the_specifications() -> None:
    state = ProcessState("c1", 42, "creating", "/bundle", {"a": "b", "io.corral.seccomp.bpf": "/x"})
    told = json.loads(state.to_json("more"))
    assert told["fds"] == ["seccompFd"]
    assert (told["pid"], told["metadata"]) == (42, "more")
    assert told["state"]["annotations"] == {"a": "b"}
    assert "metadata" not in json.loads(state.to_json(""))


def test_tsync_and_a_listener_exclude_each_other() -> None:
    flags = ("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")
    tsync, killable = seccomp.SECCOMP_FILTER_FLAG_TSYNC, seccomp.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    assert flag_bits(flags, notifies=True) == NEW_LISTENER | killable
    assert flag_bits(flags) == tsync


def test_annotations_say_all_that_a_compiled_filter_does_not(tmp_path: Path) -> None:
    profile = json.dumps(
        {
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": "/agent",
            "listenerMetadata": "x",
            "syscalls": [{"name": "mkdir", "action": "SCMP_ACT_NOTIFY"}],
        }
    )
    annotations = FilterCache(tmp_path).annotations(profile, ())
    assert Listener.in_annotations(annotations) == Listener("/agent", "x")
    filter_ = load.read(annotations, None)
    assert filter_ is not None
    assert filter_.flags & NEW_LISTENER
    assert Listener.in_annotations({}) is None
