"""Capabilities given to a real process, as the kernel then reports them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corral.linux import capability, prctl
from corral.oci.runtime import Capabilities
from corral.runtime.security import capabilities
from corral.runtime.security.capabilities import DEFAULT, mask_of, names_of
from support.child import in_child

pytestmark = pytest.mark.requires("root")

SETS = ("CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb")
USABLE = tuple(name for name in DEFAULT if name in capabilities.available())


def status_sets(*, after_exec: bool = False) -> dict[str, int]:
    """The five sets of this process, or of a program that it becomes."""
    if after_exec:
        text = os.popen("cat /proc/self/status").read()
    else:
        text = Path("/proc/self/status").read_text()
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name: int(lines[name], 16) for name in SETS}


def given(sets: Capabilities, uid: int = 0, *, after_exec: bool = False) -> dict[str, int]:
    def become() -> dict[str, int]:
        capabilities.apply_bounding(sets)
        if uid:
            prctl.set_keepcaps(True)
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            prctl.set_keepcaps(False)
        capabilities.apply(sets)
        return status_sets(after_exec=after_exec)

    found: dict[str, int] = in_child(become)
    return found


def test_root_gets_exactly_the_sets_asked_for() -> None:
    names = USABLE[:5]
    mask = mask_of(names)
    found = given(Capabilities(bounding=names, effective=names, permitted=names))
    assert found == {"CapBnd": mask, "CapEff": mask, "CapPrm": mask, "CapInh": 0, "CapAmb": 0}


def test_root_program_has_what_the_bounding_set_leaves() -> None:
    mask = mask_of(USABLE)
    found = given(Capabilities(bounding=USABLE, effective=USABLE, permitted=USABLE), after_exec=True)
    assert (found["CapBnd"], found["CapEff"], found["CapPrm"]) == (mask, mask, mask)


def test_ordinary_user_loses_all_but_the_bounding_set_at_exec() -> None:
    found = given(Capabilities(bounding=USABLE, effective=USABLE, permitted=USABLE), uid=1000, after_exec=True)
    assert found == {"CapBnd": mask_of(USABLE), "CapEff": 0, "CapPrm": 0, "CapInh": 0, "CapAmb": 0}


def test_ambient_capabilities_survive_exec_of_an_ordinary_user() -> None:
    some = ("CAP_NET_BIND_SERVICE", "CAP_CHOWN")
    sets = Capabilities(bounding=USABLE, effective=some, permitted=some, inheritable=some, ambient=some)
    found = given(sets, uid=1000, after_exec=True)
    assert {name: found[name] for name in SETS[1:]} == dict.fromkeys(SETS[1:], mask_of(some))


def test_nothing_at_all() -> None:
    assert given(Capabilities()) == dict.fromkeys(SETS, 0)


def test_what_the_engine_lacks_is_left_out() -> None:
    def limited() -> dict[str, int]:
        prctl.capbset_drop(capabilities.NUMBERS["CAP_CHOWN"])
        mine = capability.capget()
        chown = 1
        capability.capset(capability.CapabilitySets(mine.effective & ~chown, mine.permitted & ~chown, 0))
        wanted = ("CAP_CHOWN", "CAP_KILL")
        capabilities.apply(Capabilities(effective=wanted, permitted=wanted, inheritable=wanted, ambient=wanted))
        return status_sets()

    found = in_child(limited)
    assert names_of(found["CapEff"]) == ("CAP_KILL",)
    assert names_of(found["CapAmb"]) == ("CAP_KILL",)


def test_names_that_the_kernel_does_not_know_are_ignored() -> None:
    names = ("CAP_KILL", "CAP_FROM_THE_FUTURE")
    assert given(Capabilities(bounding=names, effective=names, permitted=names))["CapEff"] == mask_of(["CAP_KILL"])
